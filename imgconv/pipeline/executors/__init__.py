"""What runs the plan of a pipeline: on arrays in memory, or on dask arrays, chunk by chunk."""
