# The floor that spec/bench measures against.
add_executable(bench_floor spec/bench/floor.c)
add_executable(bench_channel_floor spec/bench/channel_floor.c)
