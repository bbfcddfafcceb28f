"""What the functions of layers share.

arrays : array arguments: dtype, memory layout, shape.
checks : all other arguments, and where the windows that they describe lie.
borders : arrays with a border, and the gradient of that.
calls : a function with its checked arguments as a value, to run or to explain.
phases : which pixels the taps of a convolution read, along one axis.
conv_plan : how a convolution is cut into regions for its loop.
conv_run : weights in the order of the loop, and the calls of the loop.
pool_run : the calls of the pooling loops.
"""
