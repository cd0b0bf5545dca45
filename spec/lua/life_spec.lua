local fake = require 'lua.fake_host'

-- A lifecycle with every kind of state: work, one that a stop leads out of, an end.
local LIFE = {
  { 'opening', on = { opened = 'polling', error = 'crashed' } },
  { 'polling', every = 0.5, on = { stop = 'closing', error = 'crashed' } },
  { 'closing', on = { closed = 'stopped', error = 'crashed' } },
  { 'stopped', ends = 'ok' },
  { 'crashed', ends = 'error' },
}

describe('a worker', function()
  local vm, time, seen

  before_each(function()
    seen = {}
  end)

  local function run(definition)
    definition.lifecycle = definition.lifecycle or LIFE
    vm = fake.new()
    time = require 'std.time'
    vm:plan(1, { { 'a', run = definition } })
    vm:start(1)
  end

  local function note(name)
    return function(_, _, ...)
      seen[#seen + 1] = { name, ... }
    end
  end

  it('goes its way, hooks between BEGIN and ENTER', function()
    local function hook(name)
      return function(_, _, event, state)
        local text = table.concat({ name, event, state }, ' ')
        vm.host.put(vm.host.up.STATUS, 1, 0, 0, text)
      end
    end
    run {
      opening = function() return 'opened' end,
      polling = function() return 'stop' end,
      closing = function() return 'closed' end,
      leave = { opening = hook 'leave', closing = hook 'leave' },
      enter = {
        opening = hook 'never',
        polling = hook 'enter',
        stopped = hook 'enter',
      },
    }
    assert.same({
      'ENTER 0',
      'BEGIN 1',
      'STATUS leave opened polling',
      'STATUS enter opened opening',
      'ENTER 1',
      'BEGIN 1',
      'ENTER 2',
      'BEGIN 0',
      'STATUS leave closed stopped',
      'STATUS enter closed closing',
      'ENTER 3',
      'EXIT OK',
    }, vm:said())
    assert.is_true(vm:is_clean())
  end)

  it('has a self of its own for each incarnation', function()
    local selves = {}
    run { opening = function(self) selves[#selves + 1] = self time.sleep(9) end }
    vm:tell('END', 1, 0)
    vm:turn()
    vm:start(1, 1)
    assert.equal(2, #selves)
    assert.not_equal(selves[1], selves[2])
  end)

  it('needs no function where one event, or one besides error, follows', function()
    run {
      lifecycle = {
        { 'one', on = { go = 'two' } },
        { 'two', on = { go = 'three', error = 'three' } },
        { 'three', ends = 'ok' },
      },
    }
    assert.same({
      'ENTER 0', 'BEGIN 0', 'ENTER 1', 'BEGIN 1', 'ENTER 2', 'EXIT OK',
    }, vm:said())
  end)

  it('never keeps the VM, though its states go round', function()
    run {
      lifecycle = {
        { 'zero', on = { go = 'one' } },
        { 'one', on = { go = 'two' } },
        { 'two', on = { go = 'one', error = 'three' } },
        { 'three', ends = 'error' },
      },
    }
    assert.equal('again', vm:turn(10))
  end)

  it('calls a state with `every` no sooner than that after the call before', function()
    local calls = {}
    run {
      opening = function() return 'opened' end,
      polling = function()
        calls[#calls + 1] = vm.clock
        if #calls == 2 then time.sleep(0.3) end
        if #calls == 3 then time.sleep(2) end
        return 'keepalive'
      end,
    }
    vm:pass(3)
    assert.same({ 100, 100.5, 101, 103 }, calls)
  end)

  it('gives a sign of life with each keepalive', function()
    run {
      opening = function() return 'opened' end,
      polling = function() return 'keepalive' end,
    }
    local before = vm.tasks[1].beats
    vm:pass(1)
    assert.equal(before + 2, vm.tasks[1].beats)
  end)

  it('that only keeps alive lets the others have their turns', function()
    vm = fake.new()
    time = require 'std.time'
    local spins, slept = 0, false
    local spinning = { lifecycle = {
      { 'on', on = { off = 'done' } },
      { 'done', ends = 'ok' },
    } }
    function spinning.on()
      spins = spins + 1
      return 'keepalive'
    end
    vm:plan(1, {
      { 'a', run = spinning },
      { 'b', run = { task = function() slept = time.sleep(0) end } },
    })
    vm:tell('START', 1, 0, 1, 1)
    vm:tell('START', 2, 0, 1, 2)
    assert.equal('again', vm:turn(5))
    assert.is_true(slept)
    assert.is_true(spins >= 4 and spins <= 6)
  end)

  it('takes the error edge when it raises, and says what it was', function()
    local exception
    run {
      opening = function() error 'no feed' end,
      leave = { opening = function(_, ctx) exception = ctx.exception end },
      enter = { crashed = note 'enter' },
      before_exit = note 'before_exit',
    }
    assert.same({ 'ENTER 0', 'BEGIN 0', 'ENTER 4', 'EXIT ERROR' }, vm:said())
    assert.matches('life_spec.lua:%d+: no feed', exception.message)
    assert.matches('stack traceback', exception.traceback)
    assert.not_matches('schedule.lua', exception.traceback)
    assert.matches('no feed', vm.last.text)
    assert.same({ { 'enter', 'error', 'opening' }, { 'before_exit', true } }, seen)
  end)

  it('fails when no edge takes the error', function()
    run {
      lifecycle = { { 'on', on = { off = 'done' } }, { 'done', ends = 'ok' } },
      on = function() error 'odd' end,
      before_exit = note 'before_exit',
    }
    assert.same({ 'ENTER 0', 'EXIT EXCEPTION' }, vm:said())
    assert.matches('odd.*stack traceback', vm.last.text)
    assert.same({ { 'before_exit', false } }, seen)
  end)

  it('that returns no event of its state has made an error', function()
    for _, wrong in ipairs { 'opend', 7, false } do
      run { opening = function() return wrong end }
      assert.same({ 'ENTER 0', 'BEGIN 0', 'ENTER 4', 'EXIT ERROR' }, vm:said())
      assert.matches("opening returned .*keepalive.*%(error, opened%)", vm.last.text)
    end
    run { opening = function() end }
    vm:said()
    assert.matches('opening returned nil', vm.last.text)
  end)

  it('takes the error edge once if the hooks of a transition raise', function()
    run {
      opening = function() return 'opened' end,
      enter = { polling = function() error 'enter' end },
    }
    assert.same({ 'ENTER 0', 'BEGIN 1', 'BEGIN 0', 'ENTER 4', 'EXIT ERROR' }, vm:said())
    run {
      opening = function() return 'opened' end,
      leave = { opening = function() error 'leave' end },
    }
    assert.same({ 'ENTER 0', 'BEGIN 1', 'BEGIN 0', 'EXIT EXCEPTION' }, vm:said())
  end)

  it('may wait in its hooks and in before_exit', function()
    run {
      opening = function() return 'opened' end,
      leave = { opening = function() time.sleep(1) end },
      enter = { polling = function() time.sleep(1) end },
      polling = function() return 'stop' end,
      closing = function() return 'closed' end,
      before_exit = function() time.sleep(1) end,
    }
    assert.same({ 'ENTER 0', 'BEGIN 1' }, vm:said())
    vm:pass(2)
    assert.equal('ENTER 3', table.remove(vm:said()))
    vm:pass(1)
    assert.same({ 'EXIT OK' }, vm:said())
  end)

  it('whose before_exit raises has failed, even after a good end', function()
    run {
      opening = function() error 'first' end,
      before_exit = function() error 'second' end,
    }
    assert.equal('EXIT EXCEPTION', table.remove(vm:said()))
    assert.matches('second', vm.last.text)
  end)

  describe('with emitted events', function()
    local polling = function() return 'keepalive' end
    local function opened() return 'opened' end

    it('takes one in place of the next keepalive', function()
      run { opening = opened, polling = polling }
      vm:said()
      vm:tell('EMIT', 1, 0, 0, 0, 'stop')
      vm:turn()
      assert.same({}, vm:said())
      vm:pass(0.5)
      assert.same({ 'BEGIN 1', 'ENTER 2', 'BEGIN 0', 'ENTER 3', 'EXIT OK' }, vm:said())
    end)

    it('drops those that the state lacks, and says so', function()
      run { opening = opened, polling = polling }
      vm:said()
      vm:tell('EMIT', 1, 0, 0, 0, 'odd')
      vm:tell('EMIT', 1, 0, 0, 0, 'stop')
      vm:turn()
      vm:pass(0.5)
      assert.same({ 'DROPPED odd', 'BEGIN 1' }, { unpack(vm:said(), 1, 2) })
    end)

    it('queues sixteen', function()
      local full
      run {
        opening = function(_, ctx)
          for _ = 1, 16 do
            assert.is_true(ctx:emit 'odd')
          end
          full = { ctx:emit 'odd' }
          return 'opened'
        end,
        polling = polling,
      }
      assert.same({ [2] = 'full' }, full)
      local said = vm:said()
      assert.equal('DROPPED odd', said[#said])
    end)
  end)
end)
