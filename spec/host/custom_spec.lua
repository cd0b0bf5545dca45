-- A backend of the tree's own: its functions start, stop, kill and wait for a unit.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

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

-- `wait` of the one named stuck never returns, nor lets others have a turn.
local STUCK = [[
local rs = require 'runsmith'
local time = require 'std.time'

rs.backend 'b' {
  start = function(unit) return { name = unit.name } end,
  stop = function() end,
  kill = function(_, handle) io.open(handle.name .. '.killed', 'w'):close() end,
  wait = function(unit, handle)
    unit:ready()
    while handle.name == 'stuck' do end
    while not io.open(handle.name .. '.killed') do
      time.sleep(0.02)
    end
    return 'ok', 'it was killed'
  end,
}

return rs.supervisor 'plant' {
  rs.worker 'fine' { backend = 'b', shutdown = 0.2 },
  rs.worker 'stuck' { backend = 'b', shutdown = 0.2 },
}
]]

-- What `wait` knows of its unit is in the log.
local POOL = [[
local rs = require 'runsmith'
local log = require 'std.log'
local time = require 'std.time'
local uv = require 'luv'

rs.backend 'b' {
  start = function() return {} end,
  stop = function(unit) io.open(unit.name .. '.asked', 'w'):close() end,
  kill = function() end,
  wait = function(unit)
    unit:ready()
    log.info('pid', { pid = uv.os_getpid() })
    log.info(unit.name .. ' ' .. unit.args.port)
    while not io.open(unit.name .. '.asked') do
      time.sleep(0.02)
    end
    return 'ok'
  end,
}

return rs.supervisor 'plant' { pool = rs.worker { backend = 'b' } }
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

  it('has units of a pool, which outlive its runner under their names', function()
    local host = harness.start { files = { ['tree.lua'] = POOL } }
    host:wait_for { kind = 'ready', unit = 'plant' }
    local answer = control.ask(host, { op = 'add', path = 'plant', name = 'x',
      args = { port = 7 } })
    assert.is_true(answer.ok)
    local waits = host:wait_for { kind = 'log', text = 'x 7' }
    posix.kill(host:wait_for({ kind = 'log', text = 'pid' }).fields.pid, 'KILL')
    host:wait_for({ kind = 'log', text = 'x 7' }, waits)
    assert.equal(1, #host:all { kind = 'started', unit = 'plant/x' })
    host:finish()
  end)

  it('whose function does not return has its units killed all the same', function()
    local host = harness.start { files = { ['tree.lua'] = STUCK } }
    host:wait_for { kind = 'ready', unit = 'plant' }
    host:signal 'TERM'
    local fine = host:wait_for { kind = 'exited', unit = 'plant/fine' }
    local stuck = host:wait_for { kind = 'exited', unit = 'plant/stuck' }
    assert.same({ 'ok', 'killed', 'KILL' }, { fine.reason, stuck.reason, stuck.signal })
    assert.truthy(io.open(host.dir .. '/stuck.killed'))
    host:finish { signal = false }
  end)
end)
