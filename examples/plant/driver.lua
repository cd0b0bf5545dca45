--- driver.lua -- the camera's driver, plant_camera.h, through the FFI.

local ffi = require 'ffi'

local M = { WIDTH = 480, HEIGHT = 240, STEP = 8 }

M.SIZE = M.WIDTH * M.HEIGHT
M.SLOW, M.UNPLUG, M.STUCK, M.HANG, M.CRASH = 1, 2, 3, 4, 5

-- No types are defined, so a reload may load this again in the same VM.
ffi.cdef [[
struct plant_camera *plant_camera_open(double fps, int how);
int plant_camera_wait(struct plant_camera *camera, uint8_t *pixels, double *number);
void plant_camera_break(struct plant_camera *camera, int how);
void plant_camera_close(struct plant_camera *camera);
void plant_hang(void);
void plant_crash(void);
void plant_leak(size_t bytes);
void plant_belt_draw(uint8_t *pixels, int64_t step);
]]

--- @param path string
--- @return ffi.namespace*
function M.load(path) return ffi.load(path) end

return M
