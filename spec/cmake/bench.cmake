# The floor that spec/bench measures against.
add_executable(bench_floor spec/bench/floor.c)
