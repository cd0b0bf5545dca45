-- fixtures.lua -- the workers and trees that the host's specs share, as text.
--
-- A `culprit` lives well until the file `go` appears in the host's folder; then its
-- first incarnation says `goes` and does what `args.how` says. Later ones live well.

local M = {}

--- A worker with the default lifecycle that does little.
M.beater = [[
local worker = require 'runsmith.worker'
local time = require 'std.time'

return worker.define {
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(0.1)
    return 'keepalive'
  end,
}
]]

M.culprit = [[
local worker = require 'runsmith.worker'
local time = require 'std.time'
local ways = require 'ways'

return worker.define {
  lifecycle = {
    { 'starting', timeout = 10, on = { run = 'running', error = 'crashed' } },
    {
      'running', heartbeat = 0.5, ready = true,
      on = { complete = 'stopped', move = { 'moved', timeout = 0.3 },
             stay = 'staying', error = 'crashed' },
    },
    { 'moved', heartbeat = 5, on = { complete = 'stopped', error = 'crashed' } },
    { 'staying', timeout = 0.5, on = { complete = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    local go = ctx.incarnation == 0 and io.open 'go'
    if go then
      go:close()
      print 'goes'
      local event = ways[ctx.args.how](ctx)
      if event then return event end
    end
    time.sleep(0.02)
    return 'keepalive'
  end,
  moved = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(0.1)
    return 'keepalive'
  end,
  staying = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(0.1)
    return 'keepalive'
  end,
  enter = { moved = function() time.sleep(60) end },
}
]]

--- Ways to be stuck or to die. `done` keeps compiled loops from being optimised away.
M.ways = [[
local ffi = require 'ffi'
local time = require 'std.time'

ffi.cdef [=[
int usleep(unsigned usec);
struct pollfd;
int poll(struct pollfd *fds, unsigned long count, int timeout);
int pipe(int fds[2]);
long read(int fd, void *bytes, size_t size);
int getpid(void);
int kill(int pid, int signal);
]=]

local ways = { done = 0 }

function ways.raise() error 'out of cheese' end

function ways.crash() return 'error' end

function ways.exit() os.exit(7) end

function ways.silence() time.sleep(60) end

function ways.transition() return 'move' end

function ways.stay() return 'stay' end

function ways.loop()
  while true do
    ways.done = ways.done + 1
  end
end

function ways.protected()
  while true do
    pcall(pcall, function()
      while true do
        pcall(ways.loop)
      end
    end)
  end
end

function ways.nested()
  local function inner()
    while true do
      coroutine.wrap(ways.loop)()
    end
  end
  while true do
    pcall(coroutine.wrap(inner))
  end
end

function ways.tight()
  local i = 0
  while true do
    i = i + 1
  end
end

function ways.usleep()
  while true do
    ffi.C.usleep(60e6)
  end
end

function ways.poll()
  while true do
    ffi.C.poll(nil, 0, -1)
  end
end

function ways.read()
  local fds, byte = ffi.new 'int[2]', ffi.new 'char[1]'
  assert(ffi.C.pipe(fds) == 0)
  while true do
    ffi.C.read(fds[0], byte, 1)
  end
end

function ways.find()
  local subject = ('a'):rep(64)
  return subject:find(('a-'):rep(40) .. 'b')
end

function ways.null() ffi.cast('int *', 0)[0] = 1 end

function ways.abort() ffi.C.kill(ffi.C.getpid(), 9) end

function ways.eat()
  local kept = {}
  while true do
    local block = ffi.new('char[?]', 16 * 1024 * 1024)
    ffi.fill(block, 16 * 1024 * 1024, 1)
    kept[#kept + 1] = block
  end
end

function ways.reluctant()
  while true do
    time.sleep(60)
  end
end

return ways
]]

--- A tree with one unit of each backend beside the culprit.
--- @param backend string the culprit's
--- @param how string a function of `ways`
--- @param more? string more fields of the culprit
function M.tree(backend, how, more)
  return ([[
local rs = require 'runsmith'

return rs.supervisor 'plant' {
  intensity = { max = 5, within = 60 },
  stall = 0.5,
  rs.worker 'culprit' {
    run = 'culprit', backend = '%s', args = { how = '%s' }, %s
  },
  rs.worker 'coroutine' { run = 'beater' },
  rs.worker 'thread' { run = 'beater', backend = 'thread' },
  rs.worker 'process' { run = 'beater', backend = 'process' },
  rs.command 'command' { exec = { 'sleep', '1000' } },
  rs.supervisor 'apart' {
    isolate = true,
    rs.worker 'coroutine' { run = 'beater' },
    rs.worker 'thread' { run = 'beater', backend = 'thread' },
  },
}
]]):format(backend, how, more or '')
end

--- Those of the tree above that share nothing with the culprit's runner.
M.OTHER_RUNNERS = {
  'plant/process', 'plant/command', 'plant/apart/coroutine', 'plant/apart/thread',
}

--- Those that share the root's fault domain.
M.SAME_RUNNER = { 'plant/coroutine', 'plant/thread' }

--- @return table<string, string> files for harness.start
function M.files(backend, how, more)
  return {
    ['tree.lua'] = M.tree(backend, how, more),
    ['beater.lua'] = M.beater,
    ['culprit.lua'] = M.culprit,
    ['ways.lua'] = M.ways,
  }
end

return M
