-- `runsmith top` in a terminal: keys go in, what it draws is read back.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local PROGRAM = os.getenv 'RUNSMITH' or 'build/release/runsmith'
if PROGRAM:sub(1, 1) ~= '/' then PROGRAM = harness.root() .. '/' .. PROGRAM end

local TREE = [[
local rs = require 'runsmith'
local function idle() require('std.time').sleep(math.huge) end
return rs.supervisor 'plant' {
  rs.worker 'camera' { run = idle },
  rs.worker 'cutter' { run = idle },
}
]]

local function start(host)
  local line = "cd '%s' && mkfifo keys && (TERM=xterm RUNSMITH_SOCKET='%s' "
    .. "script -qfc 'stty rows 20 cols 100; exec %s top --every 0.2' drawn "
    .. '<keys >/dev/null 2>&1 &)'
  assert(os.execute(line:format(host.dir, control.path(host), PROGRAM)) == 0)
  local keys = assert(io.open(host.dir .. '/keys', 'w'))
  keys:setvbuf 'no'
  return keys
end

describe('top', function()
  after_each(harness.sweep)

  it('sorts, chooses, stops, starts, restarts, reads a journal that goes on', function()
    local host = control.start { ['tree.lua'] = TREE }
    local keys = start(host)
    host:wait_for_line('drawn', '3 units: 3 healthy   sorted by tree')
    keys:write 's'
    host:wait_for_line('drawn', 'sorted by health')
    keys:write 'ss'
    host:wait_for_line('drawn', 'sorted by uptime')
    keys:write 's\27[B\27[B'
    host:wait_for_line('drawn', '\27%[7m└─ cutter')
    keys:write 'S'
    local stopped = host:wait_for { kind = 'exited', unit = 'plant/cutter' }
    host:wait_for_line('drawn', '1 stopped')
    keys:write '\r'
    host:wait_for_line('drawn', 'journal of plant/cutter')
    host:wait_for_line('drawn', 'plant/cutter  .*exited')
    control.run(host, 'start', 'plant/cutter')
    host:wait_for({ kind = 'ready', unit = 'plant/cutter' }, stopped)
    host:wait_for_line('drawn', 'plant/cutter  .*start .*by uid')
    keys:write 'x' -- any key leaves the journal
    keys:write 'R'
    host:wait_for({ kind = 'started', unit = 'plant/cutter', incarnation = 2 }, stopped)
    keys:write 'q'
    host:wait_for_line('drawn', '\27%[%?1049l')
    keys:close()
    os.remove(host.dir .. '/keys')
    for _, pid in ipairs(posix.children(posix.self())) do
      local line = posix.slurp('/proc/' .. pid .. '/cmdline')
      if line:find '^script' then posix.wait_gone(pid, 10) end
    end
    host:finish()
  end)

  it('needs a terminal', function()
    local host = control.start { ['tree.lua'] = TREE }
    local status, _, err = control.run(host, 'top')
    assert.equal(2, status)
    assert.truthy(err:find 'needs a terminal')
    host:finish()
  end)
end)
