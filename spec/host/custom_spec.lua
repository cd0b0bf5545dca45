-- A backend of the tree's own: its functions start, stop, kill and wait for a unit.

local assert = require 'luassert'
local harness = require 'host.harness'
local posix = require 'host.posix'

-- What it runs is a process that its functions start and name by its pid.
local TREE = [[
local rs = require 'runsmith'
local uv = require 'luv'
local time = require 'std.time'

local function gone(pid) return uv.kill(pid, 0) ~= 0 end

rs.backend 'daemon' {
  start = function(unit)
    local file = assert(io.popen('setsid sleep 1000 >/dev/null 2>&1 & echo $!'))
    local pid = file:read '*n'
    file:close()
    unit:ready()
    unit:status('pid ' .. pid)
    return { pid = pid }
  end,
  stop = function(_, handle) uv.kill(handle.pid, 'sigterm') end,
  kill = function(_, handle) uv.kill(handle.pid, 'sigkill') end,
  wait = function(_, handle)
    while not gone(handle.pid) do
      time.sleep(0.05)
    end
    return 'error', 'it is gone'
  end,
}

return rs.supervisor 'plant' {
  rs.worker 'own' { backend = 'daemon', run = function() end },
  rs.command 'command' { exec = { 'sleep', '1000' } },
}
]]

-- The unit's process, once the shell that starts it has become it.
local function find_sleep(host)
  for _ = 1, 400 do
    for _, process in ipairs(host:processes()) do
      local ours = process.pid ~= host:pid_of 'plant/command'
      if ours and process.title:find '^sleep sleep 1000' then return process.pid end
    end
    host:watch(0.05)
  end
end

describe('a custom backend', function()
  after_each(harness.sweep)

  it('starts its unit, and starts it anew when that ends', function()
    local host = harness.start { files = { ['tree.lua'] = TREE } }
    local ready = host:wait_for { kind = 'ready', unit = 'plant' }
    local started = host:wait_for { kind = 'started', unit = 'plant/own' }
    assert.equal('daemon', started.backend)
    local pid = assert(find_sleep(host), host:tail())
    posix.kill(pid, 'KILL')
    host:wait_for({ kind = 'ready', unit = 'plant/own', incarnation = 1 }, ready)
    assert.not_equal(pid, assert(find_sleep(host), host:tail()))
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/command' })
    host:finish()
  end)

  it('keeps its units when its runner is killed', function()
    local host = harness.start { files = { ['tree.lua'] = TREE } }
    host:wait_for { kind = 'ready', unit = 'plant' }
    local pid = assert(find_sleep(host), host:tail())
    local runner = host:pid_of 'plant/own'
    if runner and runner ~= pid then posix.kill(runner, 'KILL') end
    host:watch(0.5)
    assert.equal(pid, find_sleep(host))
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/own' })
    host:finish()
  end)
end)
