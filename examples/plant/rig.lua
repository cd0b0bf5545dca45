--- rig.lua -- the plant, run for a spec: what its units have done, and how they are
--- broken, both from outside.

local browser = require 'browser'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local uv = require 'luv'

local M = {}

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
local PATIENCE = tonumber(os.getenv 'RS_PATIENCE' or 60)
local DATA = 'data' -- in the host's folder

M.UNITS = {
  camera = 'plant/line/camera', inspector = 'plant/inspector',
  recorder = 'plant/records/recorder', keeper = 'plant/records/keeper',
  onvif = 'plant/onvif', web = 'plant/web',
}

--- Per second, when all is well; of the probes at least.
M.RATES = {
  camera = 15, inspector = 15, recorder = 15, keeper = 2, onvif = 2, web = 15,
}

--- Whose work depends on whose: without pictures there is nothing to inspect.
M.FEEDS = {
  camera = { inspector = true, recorder = true, web = true },
  inspector = { recorder = true },
}

--- Starts it; returns once all of it is ready.
--- @param spec? table as for harness.start
--- @return runsmith.spec.Host host, integer port the page's
function M.start(spec)
  spec = spec or {}
  local port = browser.free_port()
  local build = uv.fs_realpath(BUILD .. '/examples/plant')
  spec.env = {
    PLANT_DIR = DATA, PLANT_PORT = tostring(port), PLANT_BUILD = build,
    PLANT_ONVIF_PORT = tostring(browser.free_port()),
  }
  local host = spec.files and harness.start(spec) or harness.example('plant', spec)
  host.data = host.dir .. '/' .. DATA
  host:wait_for { kind = 'ready', unit = 'plant' }
  return host, port
end

--- Stops it, and asserts that nothing is left.
--- @param host runsmith.spec.Host
function M.finish(host) host:finish { patience = PATIENCE } end

--- The example's files, for a host that has a copy of its own.
--- @return table<string, string>
function M.files()
  local files, folder = {}, harness.root() .. '/examples/plant/'
  for _, place in ipairs { '', 'page/' } do
    for _, name in ipairs(posix.list(folder .. place)) do
      if name:find '%.[lhcj][utsa]?' then
        files[place .. name] = posix.slurp(folder .. place .. name)
      end
    end
  end
  return files
end

--- How long the units' threads, but one unit's, have waited for a processor so far.
--- @param except string
--- @return number seconds
function M.waited(host, except)
  local sum, seen = 0, {}
  for unit, path in pairs(M.UNITS) do
    local pid = unit ~= except and host:pid_of(path)
    if pid and not seen[pid] then
      seen[pid] = true
      local tasks = ('/proc/%d/task'):format(pid)
      for _, tid in ipairs(posix.list(tasks)) do
        local text = posix.slurp(('%s/%s/schedstat'):format(tasks, tid))
        sum = sum + (tonumber(text:match '^%d+ (%d+)') or 0) / 1e9
      end
    end
  end
  return sum
end

--- What each unit has done since the host started (onvif: the program).
--- @param except? string whose waits do not count
--- @return table<string, integer> counts, number at, table channels by name
function M.counts(host, except)
  local root = control.ask(host, { op = 'status' }).result
  local channels = {}
  for _, each in ipairs(root.channels) do
    channels[each.name] = each
  end
  local onvif
  for _, child in ipairs(root.children) do
    local status = child.name == 'onvif' and child.status or '0'
    onvif = onvif or tonumber(status:match '^[1-9]%d*')
  end
  return {
    camera = channels.frames.sent, inspector = channels.verdicts.sent,
    recorder = channels.results.acked, keeper = channels.chores.sent,
    onvif = onvif or 0, web = channels.pictures.acked,
    waited = except and M.waited(host, except),
  }, posix.now(), channels
end

--- Waits until a condition on the counts holds.
--- @param holds fun(counts: table<string, integer>, channels: table): any
function M.wait_counts(host, holds)
  local by = posix.now() + PATIENCE
  while true do
    local counts, _, channels = M.counts(host)
    local value = holds(counts, channels)
    if value then return value end
    if posix.now() > by then error('never so' .. host:tail(), 2) end
    host:watch(0.05)
  end
end

--- Switches a fault as the page does.
--- @return integer status
function M.press(port, name, how)
  local path = ('/faults/%s/%s'):format(name, how or 'once')
  return select(2, browser.http(port, 'POST', path))
end

--- @param what 'restart'|'stop'|'start'
function M.order(port, what, path)
  return select(2, browser.http(port, 'POST', ('/order/%s/%s'):format(what, path)))
end

return M
