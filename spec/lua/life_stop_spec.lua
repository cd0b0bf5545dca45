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
  local vm, time

  local function run(definition)
    definition.lifecycle = definition.lifecycle or LIFE
    vm = fake.new()
    time = require 'std.time'
    vm:plan(1, { { 'a', run = definition } })
    vm:start(1)
  end

  describe('asked to stop', function()
    it('has its wait ended, and the next one in that state', function()
      local got = {}
      run {
        opening = function()
          for i = 1, 3 do
            got[i] = { time.sleep(10) }
          end
          return 'opened'
        end,
      }
      vm:ask(1)
      assert.same({ { nil, 'stopping' }, { nil, 'stopping' } }, got)
      vm:pass(10)
      assert.same({ true }, got[3])
    end)

    it('before it waits, has its first wait refused', function()
      local got = {}
      vm = fake.new()
      time = require 'std.time'
      vm:plan(1, { { 'a', run = { lifecycle = LIFE, opening = function()
        coroutine.yield()
        coroutine.yield()
        for i = 1, 2 do
          got[i] = { time.sleep(10) }
        end
      end } } })
      vm:tell('START', 1, 0, 1, 1)
      vm:turn(1)
      vm:ask(1)
      assert.same({ { nil, 'stopping' } }, got)
      vm:pass(10)
      assert.same({ true }, got[2])
    end)

    it('and seeing it before the word comes, has one wait refused', function()
      local got = {}
      run {
        opening = function(_, ctx)
          time.sleep(1)
          assert(ctx.stopping)
          for i = 1, 2 do
            got[i] = { time.sleep(10) }
          end
          return 'opened'
        end,
      }
      vm.stopping[1] = true
      vm:pass(1)
      assert.same({ { nil, 'stopping' } }, got)
      vm:ask(1)
      vm:pass(9)
      assert.equal(1, #got)
      vm:pass(1)
      assert.same({ true }, got[2])
    end)

    it('waits as ever in states that it enters afterwards', function()
      for _, seen_before in ipairs { false, true } do
        local slept
        run {
          opening = function() return 'opened' end,
          polling = function(_, ctx)
            time.sleep(100)
            return ctx.stopping and 'stop' or 'keepalive'
          end,
          closing = function()
            slept = time.sleep(3)
            return 'closed'
          end,
        }
        vm.stopping[1] = seen_before
        if seen_before then vm:pass(100) end
        vm:ask(1)
        assert.is_nil(slept)
        vm:pass(3)
        assert.is_true(slept)
        assert.equal('EXIT OK', table.remove(vm:said()))
      end
    end)

    it('waits as ever in the hooks of a transition that it has begun', function()
      vm = fake.new()
      time = require 'std.time'
      local slept
      vm:plan(1, { { 'a', run = {
        lifecycle = LIFE,
        opening = function()
          coroutine.yield()
          coroutine.yield()
          return 'opened'
        end,
        leave = { opening = function() slept = time.sleep(3) end },
      } } })
      vm:tell('START', 1, 0, 1, 1)
      vm:turn(1)
      vm:ask(1)
      assert.is_nil(slept)
      vm:pass(3)
      assert.is_true(slept)
    end)

    it('in a transition, waits as ever in the state that it leads to', function()
      local got = {}
      run {
        opening = function() return 'opened' end,
        leave = { opening = function() got[1] = { time.sleep(3) } end },
        polling = function()
          got[2] = { time.sleep(3) }
          return 'stop'
        end,
      }
      vm:ask(1)
      assert.same({ { nil, 'stopping' } }, got)
      vm:pass(3)
      assert.same({ true }, got[2])
    end)

    it('is called at once if it rests between two calls', function()
      run {
        opening = function() return 'opened' end,
        polling = function(_, ctx) return ctx.stopping and 'stop' or 'keepalive' end,
      }
      vm:pass(0.1)
      vm:ask(1)
      assert.equal('EXIT OK', table.remove(vm:said()))
      assert.is_true(vm:is_clean())
    end)

    it('twice, hears it once', function()
      local got = {}
      run {
        opening = function()
          for i = 1, 4 do
            got[i] = time.sleep(10) or false
          end
        end,
      }
      vm:ask(1)
      vm:ask(1)
      assert.same({ false, false }, got)
    end)
  end)
end)
