-- A host that may open no more files: what cannot be made for one unit is the failure
-- of that unit's start, and of nothing else.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local parts = require 'host.support.parts'

local TREE = [[
local rs = require 'runsmith'
local function run() require 'std.time'.sleep(1e6) end
return rs.supervisor 'plant' {
  rs.worker 'other' { run = run },
  rs.worker 'thread' { run = run, backend = 'thread' },
  rs.supervisor 'processes' {
    pool = rs.worker { run = run, backend = 'process', restart = 'temporary' },
  },
  rs.supervisor 'threads' {
    pool = rs.worker { run = run, backend = 'thread', restart = 'temporary' },
  },
}
]]

local LOAD = 60 -- of what is added; more than its descriptors are enough for

local function open_files(pid)
  local count = 0
  for _ in io.popen(('ls /proc/%d/fd'):format(pid)):lines() do
    count = count + 1
  end
  return count
end

local function leave(pid, more)
  local limit = open_files(pid) + more
  local set = 'prlimit --pid %d --nofile=%d:%d'
  assert(os.execute(set:format(pid, limit, limit)) == 0)
end

local function start()
  local host = harness.start { files = { ['tree.lua'] = TREE } }
  host:wait_for { kind = 'ready', unit = 'plant' }
  return host, host.entries[#host.entries]
end

-- Adds until a start fails, and returns its end.
local function add_until_it_fails(host, pool)
  local client = control.open(host)
  for i = 1, LOAD do
    local name = 'u' .. i
    local done = client:ask { op = 'add', path = 'plant/' .. pool, name = name }
    if not done.ok then
      local unit = ('plant/%s/%s'):format(pool, name)
      return host:wait_for { kind = 'exited', unit = unit }, i
    end
  end
  error('all of them were started' .. host:tail())
end

local function untouched(host, since)
  for _, unit in ipairs { 'plant', 'plant/other', 'plant/thread', 'plant/threads' } do
    assert.same({}, host:all({ kind = 'exited', unit = unit }, since))
  end
  assert.same({}, host:all({ kind = 'collateral' }, since))
end

describe('where no more files can be opened', function()
  after_each(harness.sweep)

  it('a worker for which no runner can be made fails to start', function()
    local host, since = start()
    leave(assert(parts.find(host, 'engine')), 12)
    local ended = add_until_it_fails(host, 'processes')
    assert.equal('launch', ended.reason)
    assert.truthy(ended.detail:find 'open files', ended.detail)
    untouched(host, since)
    host:finish()
  end)

  -- 0: the VM's bell has no room in the runner; 1 and 2: its loop has none.
  for room = 0, 2 do
    it('a thread whose VM cannot be made fails to start: ' .. room, function()
      local host, since = start()
      leave(host:pid_of 'plant/thread', room)
      local ended, tries = add_until_it_fails(host, 'threads')
      assert.equal(1, tries)
      assert.equal('launch', ended.reason)
      assert.truthy(ended.detail:find 'VM %d+: Too many open files', ended.detail)
      untouched(host, since)
      host:finish()
    end)
  end
end)
