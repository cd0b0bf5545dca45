-- What a worker's programs start ends with the incarnation, in each backend, whatever
-- it was that ended it.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

-- Starts a program, its child, one that has left the session, and one that has left the
-- session and lost its parent; prints their pids.
local WORKER = [[
local process = require 'std.process'
local time = require 'std.time'
local ways = {}

function ways.raise() error 'out of cheese' end
function ways.finish() end
function ways.loop() while true do end end
function ways.sleep() time.sleep(1000) end
function ways.wait(child)
  local _, why = child:wait()
  assert(why == 'stopping', why)
end

return function(ctx)
  if ctx.incarnation > 0 then return time.sleep(1000) end
  local child = assert(process.spawn { 'sh', '-c', [=[
    sleep 1001 &
    echo $!
    setsid sh -c 'echo $$; exec sleep 1002' &
    wait_for=$!
    sh -c 'setsid sh -c "echo \$\$; exec sleep 1003" &'
    echo $$
    exec sleep 1004
  ]=] })
  for _ = 1, 4 do
    print('pid', assert(child:line(10)))
  end
  return ways[ctx.args](child)
end
]]

-- Eight programs that have lost their parent; prints their pids.
local RESTLESS = [[
local process = require 'std.process'
local time = require 'std.time'
return function(ctx)
  if ctx.incarnation > 0 then return time.sleep(1000) end
  local child = assert(process.spawn { 'sh', '-c', [=[
    for i in 1 2 3 4 5 6 7 8; do sh -c 'setsid sh restless.sh &'; done
    exec sleep 1004
  ]=] })
  local pids = {}
  for i = 1, 8 do
    pids[i] = assert(child:line(10))
  end
  print('pids ' .. table.concat(pids, ' '))
  time.sleep(ctx.args == 'sleep' and 1000 or 0.05)
  error 'out of cheese'
end
]]

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'w' {
    run = function(ctx) return require 'work' (ctx) end,
    backend = '%s', args = '%s', stall = 0.5,
  },
  rs.worker 'beater' { run = function() require('std.time').sleep(1000) end },
}
]]

local function start(backend, how)
  local host = harness.start {
    files = { ['tree.lua'] = TREE:format(backend, how), ['work.lua'] = WORKER },
  }
  local pids = {}
  for i = 1, 4 do
    local entry = host:wait_for({ kind = 'output', unit = 'plant/w' },
      i > 1 and pids[i - 1].entry or nil)
    pids[i] = { pid = tonumber(entry.text:match '^pid\t(%d+)$'), entry = entry }
  end
  return host, pids
end

local function all_gone(host, pids)
  for i, one in ipairs(pids) do
    local line = posix.slurp('/proc/' .. one.pid .. '/cmdline'):gsub('%z', ' ')
    local text = ('the %d. of its programs lives: %s%s'):format(i, line, host:tail())
    assert.is_true(posix.wait_gone(one.pid, 10), text)
  end
end

local function zombie(host)
  for _, process in ipairs(host:processes()) do
    local stat = posix.slurp('/proc/' .. process.pid .. '/stat')
    if stat:find '%) Z ' then return stat end
  end
end

-- Nothing that has ended stays in a runner as a zombie: it is reaped in a moment.
local function no_zombies(host)
  local by = posix.now() + 10
  while zombie(host) and posix.now() < by do
    host:watch(0.01)
  end
  assert.is_nil(zombie(host))
end

describe('a program of a worker\'s ends with it:', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    for _, how in ipairs { 'raise', 'finish', 'loop' } do
      it(backend .. ', ' .. how, function()
        local host, pids = start(backend, how)
        host:wait_for { kind = 'exited', unit = 'plant/w' }
        all_gone(host, pids)
        if how ~= 'finish' then
          host:wait_for { kind = 'started', unit = 'plant/w', incarnation = 1 }
        end
        no_zombies(host)
        host:finish()
      end)
    end
  end

  it('at a stop, which a wait for it returns for', function()
    local host, pids = start('coroutine', 'wait')
    host:signal 'TERM'
    local ended = host:wait_for { kind = 'exited', unit = 'plant/w' }
    assert.equal('ok', ended.reason)
    all_gone(host, pids)
    host:finish { signal = false }
  end)

  it('when its runner is killed', function()
    local host, pids = start('thread', 'sleep')
    posix.kill(host:pid_of 'plant/w', 'KILL')
    host:wait_for { kind = 'started', unit = 'plant/w', incarnation = 1 }
    all_gone(host, pids)
    host:finish()
  end)

  -- In the middle of an exec nobody's environment tells whose it is.
  for _, how in ipairs { 'raise', 'sleep' } do
    it('orphans that exec again and again, too: ' .. how, function()
      for _ = 1, 3 do
        local host = harness.start { files = {
          ['tree.lua'] = TREE:format('coroutine', how), ['work.lua'] = RESTLESS,
          ['restless.sh'] = '[ "$1" ] || echo $$\nexec sh restless.sh again\n',
        } }
        local said = host:wait_for { kind = 'output', unit = 'plant/w' }
        if how == 'sleep' then posix.kill(host:pid_of 'plant/w', 'KILL') end
        host:wait_for { kind = 'started', unit = 'plant/w', incarnation = 1 }
        for pid in said.text:gmatch '%d+' do
          assert.is_true(posix.wait_gone(tonumber(pid), 10), pid .. host:tail())
        end
        host:finish()
      end
    end)
  end
end)
