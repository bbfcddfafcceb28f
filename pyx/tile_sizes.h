/* Vectors side by side in a tile of four rows, of each level; SMALL_WIDE for kernels of 3 and 5
   rows. `make tiles` measures them and writes them here. */
#ifndef TILE_WIDE_v4
#define TILE_WIDE_v4 4
#endif
#ifndef SMALL_WIDE_v4
#define SMALL_WIDE_v4 4
#endif
#ifndef TILE_WIDE_v3
#define TILE_WIDE_v3 3
#endif
#ifndef SMALL_WIDE_v3
#define SMALL_WIDE_v3 2
#endif
#ifndef TILE_WIDE_v2
#define TILE_WIDE_v2 2
#endif
#ifndef SMALL_WIDE_v2
#define SMALL_WIDE_v2 2
#endif
#ifndef TILE_WIDE_neon
#define TILE_WIDE_neon 4
#endif
#ifndef SMALL_WIDE_neon
#define SMALL_WIDE_neon 4
#endif
