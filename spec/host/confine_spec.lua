-- A process worker's limits hold for all that it starts, where the machine has control
-- groups; and nothing of these is left.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local TREE = [[
local rs = require 'runsmith'
local function run()
  local fs, time, uv = require 'std.fs', require 'std.time', require 'luv'
  for line in (fs.read '/proc/self/cgroup'):gmatch '[^\n]+' do print(line) end
  uv.spawn('sleep', { args = { '700003' }, detached = true }, function() end)
  print 'ready'
  time.sleep(1e6)
end
return rs.supervisor 'plant' {
  rs.worker 'free' { backend = 'process', run = run },
  rs.worker 'bound' { backend = 'process', run = run, restart = 'permanent',
    limits = { memory = '1G', processes = 9 }, user = 'nobody' },
}
]]

local function lines(host, unit, since)
  local list = {}
  for _, entry in ipairs(host:all({ kind = 'output', unit = unit }, since)) do
    list[#list + 1] = entry.text
  end
  return list
end

-- Groups of the machine's that are this host's.
local function folders()
  local found = {}
  local list = io.popen 'find /sys/fs/cgroup -type d -name "runsmith-*" 2>/dev/null'
  for folder in list:lines() do
    local inner = io.popen(('find %s -mindepth 1 -type d'):format(folder))
    for path in inner:lines() do
      found[#found + 1] = path
    end
    inner:close()
  end
  list:close()
  return found
end

describe('a process worker with limits', function()
  after_each(harness.sweep)

  it('is in a control group with all that it starts, which ends with it', function()
    if #folders() > 0 then return end -- another host's
    local host = harness.start { files = { ['tree.lua'] = TREE } }
    host:wait_for { kind = 'output', unit = 'plant/free', text = 'ready' }
    host:wait_for { kind = 'output', unit = 'plant/bound', text = 'ready' }
    assert.is_nil(table.concat(lines(host, 'plant/free')):find('runsmith-', 1, true))
    local before = folders()
    if #before == 0 then return host:finish() end -- the machine has none for us
    local text = table.concat(lines(host, 'plant/bound'), '\n')
    assert.truthy(text:find 'runsmith%-%d+/%d+%.0', text)
    for _, folder in ipairs(before) do
      assert.truthy(folder:find '%.0$', folder)
      local pids = posix.slurp(folder .. '/pids.max')
      if pids and pids ~= '' and folder:find('pids', 1, true) then
        assert.equal('25\n', pids)
      end
    end
    local pid = host:pid_of 'plant/bound'
    posix.kill(pid, 'KILL')
    local again = host:wait_for { kind = 'started', unit = 'plant/bound',
      incarnation = 1 }
    host:wait_for({ kind = 'output', unit = 'plant/bound', text = 'ready' }, again)
    local by = posix.now() + 10
    local function old()
      for _, folder in ipairs(folders()) do
        if folder:find '%.0$' then return folder end
      end
    end
    while old() and posix.now() < by do host:watch(0.05) end
    assert.is_nil(old())
    host:finish()
    assert.same({}, folders())
  end)
end)
