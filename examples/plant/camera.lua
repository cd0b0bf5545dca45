--- camera.lua -- the camera's controller, in a thread of its own: waits in the driver
--- for a picture and hands it on, fps times a second.

local channel = require 'std.channel'
local driver = require 'driver'
local faults = require 'faults'
local ffi = require 'ffi'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local BREAKS = {
  { 'camera-unplug', driver.UNPLUG }, { 'camera-stuck', driver.STUCK },
  { 'camera-hang', driver.HANG }, { 'camera-crash', driver.CRASH },
}

local function open(self, ctx)
  local how = faults.due(ctx.args.faults, 'camera-slow') and driver.SLOW or 0
  local camera = self.lib.plant_camera_open(ctx.args.fps, how)
  if camera == nil then error 'the camera cannot be opened' end
  self.camera = ffi.gc(camera, self.lib.plant_camera_close)
  return 'opened'
end

local function close(self)
  if not self.camera then return end
  self.lib.plant_camera_close(ffi.gc(self.camera, nil))
  self.camera = nil
end

local function break_down(self, folder)
  for _, each in ipairs(BREAKS) do
    if faults.due(folder, each[1]) then
      self.lib.plant_camera_break(self.camera, each[2])
    end
  end
  if faults.due(folder, 'camera-error') then error 'told to fail' end
end

local function hand_on(self, ctx)
  local picture = {
    number = self.number[0], at = time.now(),
    pixels = ffi.string(self.pixels, driver.SIZE),
  }
  self.pictures:send(picture)
  picture.poison = faults.due(ctx.args.faults, 'inspector-poison') or nil
  self.frames:send(picture)
  ctx.data.taken = ctx.data.taken + 1
end

return worker.define {
  lifecycle = {
    { 'preparing', timeout = 5, on = { ready = 'opening', error = 'broken' } },
    { 'opening', timeout = 3, on = { opened = 'streaming', error = 'broken' } },
    { 'streaming', heartbeat = 1,
      on = {
        lost = 'reopening', stop = { 'closing', timeout = 1 }, error = 'broken',
      } },
    { 'reopening', timeout = 3, on = { opened = 'streaming', error = 'broken' } },
    { 'closing', timeout = 2, on = { closed = 'closed', error = 'broken' } },
    { 'closed', ends = 'ok' },
    { 'broken', ends = 'error' },
  },

  preparing = function(self, ctx)
    self.lib = driver.load(ctx.args.driver)
    self.pixels = ffi.new('uint8_t[?]', driver.SIZE)
    self.number = ffi.new 'double[1]'
    self.frames = assert(channel.open 'frames')
    self.pictures = assert(channel.open 'pictures')
    ctx.data = ctx.data or { taken = 0 }
    return 'ready'
  end,

  opening = open,

  streaming = function(self, ctx)
    if ctx.stopping then return 'stop' end
    break_down(self, ctx.args.faults)
    local failed = self.lib.plant_camera_wait(self.camera, self.pixels, self.number)
    if failed == 0 then
      hand_on(self, ctx)
      return 'keepalive'
    end
    log.warn('the camera is lost', { errno = -failed })
    return 'lost'
  end,

  reopening = function(self, ctx)
    close(self)
    return open(self, ctx)
  end,

  closing = function(self, ctx)
    close(self)
    log.info('closed', { pictures = ctx.data.taken })
    return 'closed'
  end,

  migrate = function(_, ctx, data) ctx.data = data end,
}
