-- command.lua -- kill -9 of a command → its replacement's first statement, against the
-- bare floor (epoll, pidfd, posix_spawn) and dinit, with the same program, killed by
-- the same hand in turn. DINIT names dinit's program; without it there is no such row.

local harness = require 'host.support.harness'
local kills = require 'bench.kills'
local measure = require 'bench.measure'
local posix = require 'host.support.posix'

local PROGRAM = kills.program 'bench_floor'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  intensity = { max = 10000, within = 1 },
  rs.command 'victim' { exec = { %q, 'born' %s } %s },
}
]]

local SERVICE = [[
type = process
command = %s born %s
restart = true
smooth-recovery = true
restart-delay = 0
restart-limit-count = 0
]]

local KILLS = tonumber(os.getenv 'RS_KILLS' or 200)
local PAUSE = 0.02

local function runsmith()
  local tree = TREE:format(PROGRAM, '', '')
  local host, last = harness.start { files = { ['tree.lua'] = tree } }, nil
  return {
    name = 'runsmith',
    birth = function()
      last = host:wait_for({ kind = 'output', unit = 'plant/victim' }, last)
      local child, ns = last.text:match '^(%d+) (%d+)'
      return tonumber(child), { first = tonumber(ns) / 1e9 }
    end,
    idle = function(seconds) host:watch(seconds) end,
    finish = function() host:finish() end,
  }
end

-- As dinit is asked to have it: nobody reads what the program says.
local function unread()
  local dir = posix.scratch()
  assert(os.execute(("mkfifo '%s/births'"):format(dir)) == 0)
  local births_at = (", '%s/births'"):format(dir)
  local tree = TREE:format(PROGRAM, births_at, ", output = 'inherit'")
  local births = posix.open_both(dir .. '/births')
  local host = harness.start { files = { ['tree.lua'] = tree } }
  return {
    name = 'unread',
    birth = kills.births(births, 'runsmith'),
    idle = function(seconds) host:watch(seconds) end,
    finish = function() -- the other host is still there: what is left is its to say
      host:signal 'TERM'
      host:wait_end()
      host:release()
      posix.close(births)
      os.execute(("rm -rf '%s'"):format(dir))
    end,
  }
end

-- Its program says its birth into a pipe that it opens after its first statement: what
-- dinit itself would do with its output is not measured.
local function dinit(program)
  local dir = posix.scratch()
  assert(os.execute(("mkfifo '%s/births'"):format(dir)) == 0)
  local file = assert(io.open(dir .. '/victim', 'w'))
  file:write(SERVICE:format(PROGRAM, dir .. '/births'))
  file:close()
  local births = posix.open_both(dir .. '/births')
  local argv = { program, '--user', '-q', '-d', dir, '-p', dir .. '/socket', 'victim' }
  local own = kills.floor('dinit', argv)
  own.birth = kills.births(births, 'dinit')
  local finish = own.finish
  own.finish = function()
    finish()
    posix.close(births)
    os.execute(("rm -rf '%s'"):format(dir))
  end
  return own
end

local function say(report, name, own, against)
  for _, part in ipairs { 0.5, 0.99 } do
    report {
      name = ('%s, %s'):format(name, part == 0.5 and 'median' or 'p99'),
      value = measure.quantile(own.first, part) * 1e6, unit = 'us',
      floor = measure.quantile(against.first, part) * 1e6,
      goal = name:find '^kill' and part == 0.5 and 1.3 or nil, of = 'ratio',
    }
  end
end

return function(report)
  local peer = os.getenv 'DINIT'
  local list = { runsmith(), kills.floor('floor', { PROGRAM, 'spawn' }) }
  if peer then
    list[2], list[3], list[4] = unread(), list[2], dinit(peer)
  end
  local times = kills.run(list, KILLS, PAUSE)
  say(report, 'kill -9 of a command -> first statement', times.runsmith, times.floor)
  if peer then
    say(report, '... under dinit, its output unread', times.dinit, times.floor)
    say(report, '... its output unread here, too', times.unread, times.floor)
  else
    print '... DINIT names no program: not measured against dinit'
  end
end
