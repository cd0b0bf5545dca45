local fake = require 'lua.fake_host'

local SLOT = require('runsmith.vm.task').SLOT

describe('luv in a worker', function()
  local vm, time, uv, real, schedule

  before_each(function()
    vm = fake.new()
    schedule, time = vm.schedule, require 'std.time'
    real = require 'luv'
    uv = require('runsmith.vm.owned').module()
  end)

  after_each(function()
    real.walk(function(handle)
      if not real.is_closing(handle) then real.close(handle) end
    end)
    real.run()
  end)

  local function start(...)
    local units = {}
    for i, fn in ipairs { ... } do
      units[i] = { 'u' .. i, run = type(fn) == 'table' and fn or { task = fn } }
    end
    vm:plan(1, units)
    for i in ipairs(units) do
      vm:start(i)
    end
  end

  -- What the VM's loop does between two turns.
  local function poll()
    real.run 'once'
    vm:turn()
  end

  it('calls back in the name of who asked', function()
    local names = {}
    local function asker()
      local timer = uv.new_timer()
      timer:start(0, 0, function()
        local running = vm.host.running() and '' or '?'
        names[#names + 1] = schedule.current()[SLOT] .. running
      end)
      time.sleep(10)
    end
    start(asker, asker)
    poll()
    table.sort(names)
    assert.same({ '1', '2' }, names)
  end)

  it('wakes its worker from a callback', function()
    local got
    start(function()
      local ticket = schedule.ticket()
      uv.new_idle():start(function() schedule.wake(ticket, 'woken') end)
      got = schedule.suspend(ticket)
    end)
    poll()
    assert.equal('woken', got)
    assert.is_true(vm:is_clean())
  end)

  it('closes the handles of an incarnation at its end, and no others', function()
    local one, other, called
    start(function()
      one = uv.new_timer()
      one:start(0, 1, function() called = true end)
      time.sleep(1)
    end, function()
      other = uv.new_timer()
      time.sleep(100)
    end)
    vm:tell('END', 1, 0)
    vm:turn()
    assert.is_true(real.is_closing(one))
    assert.is_false(real.is_closing(other))
    poll()
    assert.is_nil(called)
  end)

  it('closes what is made in a callback too', function()
    local inner
    start(function()
      uv.new_idle():start(function() inner = inner or uv.new_timer() end)
      time.sleep(1)
    end)
    poll()
    assert.is_false(real.is_closing(inner))
    vm:pass(1)
    assert.is_true(real.is_closing(inner))
  end)

  it('never calls back a dead incarnation', function()
    local called = false
    start(function()
      uv.fs_stat('/', function() called = true end)
    end)
    assert.is_true(vm:is_clean())
    poll()
    assert.is_false(called)
  end)

  it('closes a file that was opened for a dead one', function()
    local function descriptors()
      local count, request = 0, real.fs_scandir '/proc/self/fd'
      while real.fs_scandir_next(request) do
        count = count + 1
      end
      return count
    end
    local before = descriptors()
    start(function()
      uv.fs_open('/', 'r', 0, function() end)
    end)
    real.run()
    assert.equal(before, descriptors())
  end)

  it('makes an error in a callback its owner\'s failure', function()
    local function bad()
      uv.new_idle():start(function() error 'in a callback' end)
      time.sleep(100)
    end
    start(bad, function() time.sleep(100) end)
    vm:said()
    poll()
    assert.same({ 'EXIT EXCEPTION' }, vm:said())
    assert.matches('owned_spec.lua:%d+: in a callback', vm.last.text)
    assert.is_nil(vm.last.text:find 'vm/owned%.lua', vm.last.text)
  end)

  it('takes the error edge of the state whose callback raised', function()
    local left
    start {
      lifecycle = {
        { 'on', on = { off = 'off', error = 'broken' } },
        { 'broken', on = { mended = 'off' } },
        { 'off', ends = 'ok' },
      },
      on = function()
        local timer = uv.new_idle()
        timer:start(function()
          timer:stop()
          error 'in a callback'
        end)
        time.sleep(100)
        left = true
      end,
      broken = function() time.sleep(1) return 'mended' end,
    }
    poll()
    assert.same({ 'ENTER 0', 'BEGIN 0', 'ENTER 1' }, vm:said())
    vm:pass(1)
    assert.same({ 'BEGIN 0', 'ENTER 2', 'EXIT OK' }, vm:said())
    assert.is_nil(left)
  end)

  it('ends who is interrupted in a callback', function()
    start(function()
      uv.new_idle():start(function() while true do end end)
      time.sleep(100)
    end)
    vm:said()
    vm.tasks[1].armed = true
    poll()
    assert.same({ 'EXIT INTERRUPTED' }, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('does not let a callback wait', function()
    start(function()
      uv.new_idle():start(function() time.sleep(1) end)
      time.sleep(100)
    end)
    vm:said()
    poll()
    assert.same({ 'EXIT EXCEPTION' }, vm:said())
    assert.matches('only the worker itself can wait', vm.last.text)
  end)

  it('does not let a callback yield', function()
    start(function()
      uv.new_idle():start(function() coroutine.yield() end)
      time.sleep(100)
    end)
    vm:said()
    poll()
    assert.same({ 'EXIT EXCEPTION' }, vm:said())
    assert.matches('a callback cannot wait', vm.last.text)
  end)

  it('keeps the loop, and other workers\' handles, from a worker', function()
    local foreign, seen, refused = nil, {}, {}
    start(function()
      foreign = uv.new_timer()
      time.sleep(100)
    end, function()
      local mine = uv.new_timer()
      uv.walk(function(handle) seen[#seen + 1] = handle == mine end)
      for i, name in ipairs { 'run', 'stop', 'loop_close' } do
        refused[i] = pcall(uv[name])
      end
    end)
    assert.is_truthy(foreign)
    assert.same({ true }, seen)
    assert.same({ false, false, false }, refused)
  end)

  it('kills a child at its parent\'s end', function()
    local child
    start(function()
      child = uv.spawn('sleep', { args = { '1000' } }, function() end)
      time.sleep(100)
    end)
    local pid = child:get_pid()
    assert.equal(0, real.kill(pid, 0))
    vm:tell('END', 1, 0)
    vm:turn()
    local state
    repeat
      local file = io.open(('/proc/%d/stat'):format(pid))
      state = file and file:read('*a'):match '%) (%a)'
      if file then file:close() end
      real.run 'nowait'
    until state == nil or state == 'Z'
    real.kill(pid, 9)
  end)
end)
