-- commands.lua -- 1,000 commands that sleep: until all have started, the supervisor's
-- memory, what it does while nothing happens; beside the peers that are installed.

local harness = require 'host.support.harness'
local kills = require 'bench.kills'
local measure = require 'bench.measure'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'
local usage = require 'host.support.usage'
local uv = require 'luv'

local COUNT = tonumber(os.getenv 'RS_COMMANDS' or 1000)
local IDLE = 10 -- seconds
local PATIENCE = 120

-- Each tells by one byte that its first statement ran: a shell's, in all cases.
local SCRIPT = 'echo >> births; exec sleep 100000'

local TREE = [[
local rs = require 'runsmith'
local list = { journal = 'brief' }
for i = 1, %d do
  list[i] = rs.command('c' .. i) { exec = { 'sh', '-c', %q } }
end
return rs.supervisor 'plant' (list)
]]

local function write(path, text, mode)
  local file = assert(io.open(path, 'w'))
  file:write(text)
  file:close()
  if mode then uv.fs_chmod(path, mode) end
end

-- A folder a service, each with a program `run`.
local function folders(dir)
  for i = 1, COUNT do
    uv.fs_mkdir(('%s/s%d'):format(dir, i), 493)
    local text = ('#!/bin/sh\ncd %s/..\n%s\n'):format(dir, SCRIPT)
    write(('%s/s%d/run'):format(dir, i), text, 493)
  end
end

local PEERS = {
  { name = 's6', program = 's6-svscan', argv = { 's6-svscan', '-c', '4000' },
    prepare = folders },
  { name = 'runit', program = 'runsvdir', argv = { 'runsvdir' }, prepare = folders },
  {
    name = 'supervisor', program = 'supervisord',
    argv = { 'supervisord', '-n', '-s', '-c' },
    file = 'supervisor.conf',
    prepare = function(dir)
      write(dir .. '/supervisor.conf', ('[supervisord]\nlogfile=/dev/null\n'
        .. 'logfile_maxbytes=0\npidfile=%s/pid\nminfds=20000\n'
        .. '[program:c]\ncommand=sh -c "cd %s/..; %s"\nprocess_name=c%%(process_num)d\n'
        .. 'numprocs=%d\nstdout_logfile=NONE\nstderr_logfile=NONE\nstartsecs=0\n')
        :format(dir, dir, SCRIPT, COUNT))
    end,
  },
}

local function births(file)
  local stat = uv.fs_stat(file)
  return stat and stat.size or 0
end

-- Waits until all were born: a file cannot be waited for.
local function all_born(file, from)
  while births(file) < COUNT do
    assert(posix.now() < from + PATIENCE, births(file) .. ' have started')
    uv.sleep(2)
  end
  return posix.now() - from
end

-- Supervising processes below `pid`: all that run neither shell nor sleep.
local function own(pid, list)
  local comm = posix.slurp('/proc/' .. pid .. '/comm')
  if comm ~= 'sleep\n' and comm ~= 'sh\n' then list[#list + 1] = pid end
  for _, child in ipairs(posix.children(pid)) do
    own(child, list)
  end
  return list
end

local function measured(pids)
  local memory, wakes = 0, 0
  for _, pid in ipairs(pids) do
    memory = memory + measure.memory(pid, 'Pss')
    wakes = wakes - measure.switches(pid)
  end
  local cpu = 0
  for _, pid in ipairs(pids) do
    cpu = cpu - usage.processor(pid)
  end
  uv.sleep(IDLE * 1000)
  for _, pid in ipairs(pids) do
    wakes, cpu = wakes + measure.switches(pid), cpu + usage.processor(pid)
  end
  return memory, wakes, cpu
end

local function of_runsmith()
  local from = posix.now()
  local host = harness.start { files = { ['tree.lua'] = TREE:format(COUNT, SCRIPT) } }
  local took = all_born(host.dir .. '/births', from)
  host:wait_for({ kind = 'ready', unit = 'plant' }, nil, PATIENCE)
  host:watch(2) -- what starting leaves behind
  assert(parts.find(host, 'engine'))
  local memory, wakes, cpu = measured(own(host.pid, {}))
  host:finish { patience = PATIENCE }
  return took, memory, wakes, cpu
end

local function of_peer(peer)
  local dir = posix.scratch()
  local scan = dir .. '/scan'
  uv.fs_mkdir(scan, 493)
  peer.prepare(scan)
  local argv = { '/usr/bin/env' }
  for _, word in ipairs(peer.argv) do
    argv[#argv + 1] = word
  end
  argv[#argv + 1] = peer.file and scan .. '/' .. peer.file or scan
  local from = posix.now()
  local one = kills.floor(peer.name, argv)
  local took = all_born(dir .. '/births', from)
  uv.sleep(2000)
  local memory, wakes, cpu = measured(own(one.pid, {}))
  one.finish()
  harness.sweep()
  os.execute(("rm -rf '%s'"):format(dir))
  return took, memory, wakes, cpu
end

local function say(report, name, took, memory, wakes, cpu)
  local ours = name == 'runsmith'
  report { name = ('%s, %d commands: started'):format(name, COUNT), value = took,
    unit = 's' }
  report {
    name = '... memory of what supervises', value = memory / 2 ^ 20, unit = 'MiB',
  }
  report { name = ('... idle %d s: wake-ups'):format(IDLE), value = wakes,
    unit = 'times', goal = ours and 0 or nil }
  report { name = '... CPU', value = cpu * 1000, unit = 'ms' }
end

return function(report)
  posix.adopt()
  say(report, 'runsmith', of_runsmith())
  for _, peer in ipairs(PEERS) do
    if os.execute('command -v ' .. peer.program .. ' >/dev/null') == 0 then
      say(report, peer.name, of_peer(peer))
    else
      print(('%s is not installed: not measured'):format(peer.name))
    end
  end
end
