--- inspector.lua -- the algorithm, in a process of its own: takes frames, finds the
--- washers on them, and says which are bad. Its results are stored and shown.

local channel = require 'std.channel'
local driver = require 'driver'
local faults = require 'faults'
local ffi = require 'ffi'
local inspect = require 'inspect'
local log = require 'std.log'
local worker = require 'runsmith.worker'

local LEAK = 6 * 2 ^ 20 -- bytes a frame
local GAP_MAX = 12 -- steps after which a part at the gauge may not be the same any more

local function break_down(self, folder)
  if faults.due(folder, 'inspector-error') then error 'told to fail' end
  if faults.due(folder, 'inspector-hang') then self.lib.plant_hang() end
  if faults.due(folder, 'inspector-crash') then self.lib.plant_crash() end
  if faults.due(folder, 'inspector-leak') then self.leaks = true end
  if faults.due(folder, 'inspector-stall') then
    while true do
    end
  end
  if self.leaks then self.lib.plant_leak(LEAK) end
end

local function judge(self, ctx, frame)
  local parts = inspect.parts(ffi.cast('const uint8_t *', frame.pixels))
  local steps = self.last and frame.number - self.last or 1
  self.last = frame.number
  local passed = inspect.passed(parts, math.max(0, math.min(steps, GAP_MAX)))
  for _, part in ipairs(passed) do
    local key = part.defect or 'good'
    ctx.data[key] = (ctx.data[key] or 0) + 1
    if part.defect then
      log.info('a bad washer', { defect = part.defect, frame = frame.number })
    end
  end
  return { number = frame.number, at = frame.at, parts = parts, passed = passed }
end

return worker.define {
  lifecycle = {
    { 'preparing', timeout = 5, on = { ready = 'inspecting', error = 'broken' } },
    { 'inspecting', heartbeat = 1,
      on = { stop = { 'stopped', timeout = 1 }, error = 'broken' } },
    { 'stopped', ends = 'ok' },
    { 'broken', ends = 'error' },
  },

  preparing = function(self, ctx)
    self.lib = driver.load(ctx.args.driver)
    self.frames = assert(channel.open 'frames')
    self.results = assert(channel.open 'results')
    self.verdicts = assert(channel.open 'verdicts')
    ctx.data = ctx.data or {}
    return 'ready'
  end,

  inspecting = function(self, ctx)
    if ctx.stopping then return 'stop' end
    local item = self.frames:receive(0.5)
    if not item then return 'keepalive' end
    break_down(self, ctx.args.faults)
    if item.value.poison then self.lib.plant_crash() end
    local result = judge(self, ctx, item.value)
    self.results:send(result)
    result.tally = ctx.data
    self.verdicts:send(result)
    self.frames:ack(item)
    return 'keepalive'
  end,

  migrate = function(_, ctx, data) ctx.data = data end,
}
