--- What a coroutine worker costs in Lua alone: its memory when it is idle, and the time
--- of its start, over many workers on a host that does nothing. Run from the
--- repository:
---
---   luajit spec/bench/lua_memory.lua [COUNT]

package.path = 'lua/?.lua;stdlib/?.lua;spec/?.lua;' .. package.path

local COUNT = tonumber(arg[1]) or 100000
local YES = '%-34s %7.0f bytes a worker  %6.2f us to start'

local fake = require 'lua.fake_host'

-- The C side's calls, each as cheap as Lua can be.
local function quiet(vm)
  local host, id, row = vm.host, 0, 0
  function host.open()
    id = id + 1
    return id
  end
  function host.close() end
  function host.put() end
  function host.beat() end
  function host.timer() end
  function host.expired() end
  function host.running() end
  function host.stopping() return false end
  local status = coroutine.status
  local function back(co, ok, ...)
    if not ok then error((...)) end
    return status(co) == 'dead' and 'done' or 'yield', ...
  end
  function host.resume(_, co, ...) return back(co, coroutine.resume(co, ...)) end
  function host.receive()
    if row == COUNT then return nil end
    row = row + 1
    return host.down.START, row, 0, 1, 1, ''
  end
end

local function measure(name, run)
  local vm = fake.new()
  vm:plan(1, { { 'a', run = run } })
  quiet(vm)
  collectgarbage()
  collectgarbage()
  local before, from = collectgarbage 'count', os.clock()
  repeat
    local how = vm.turns.turn()
  until how ~= 'again'
  local spent = os.clock() - from
  collectgarbage()
  collectgarbage()
  local bytes = (collectgarbage 'count' - before) * 1024 / COUNT
  print(YES:format(name, bytes, spent * 1e6 / COUNT))
  assert(vm.schedule.count() == COUNT)
end

measure('a task that sleeps', { task = function(ctx)
  local time = require 'std.time'
  while not ctx.stopping do
    time.sleep(3600)
  end
end })

measure('the default lifecycle, sleeping', { define = true,
  starting = function() return 'run' end,
  running = function()
    require('std.time').sleep(1)
    return 'keepalive'
  end,
})

measure('a lifecycle with `every`', {
  lifecycle = {
    { 'on', every = 1, on = { off = 'done' } },
    { 'done', ends = 'ok' },
  },
  on = function() return 'keepalive' end,
})
