local fake = require 'lua.fake_host'

describe('require in a worker', function()
  local vm, time, seen
  local own_require = require

  before_each(function()
    vm, seen = fake.new(), {}
    time = require 'std.time'
    _G.seen = seen
    vm.load.install()
  end)

  after_each(function()
    _G.require, _G.seen = own_require, nil
    _G.ticks = nil
  end)

  local function source(text) return text end

  local function start_all(number, names, modules, text)
    local units = {}
    for i, name in ipairs(names) do
      units[i] = { name, run = text and { task = loadstring(text) } or name }
    end
    vm:plan(number, units, modules)
    for i in ipairs(names) do
      vm:tell('START', number * 100 + i, 0, number, i)
    end
    vm:turn()
  end

  local function problem()
    vm:said()
    return vm.last.text
  end

  it('gives the plan\'s modules, each run once, with the file\'s name', function()
    local modules = {
      { 'plant.feed', source [[ seen[#seen + 1] = (...) return { who = 'feed' } ]] },
      { 'plant.a', source [[
        local feed = require 'plant.feed'
        return { starting = function() seen[#seen + 1] = feed.who error 'x' end } ]] },
    }
    modules[3] = { 'plant.b', modules[2][2] }
    start_all(1, { 'plant.a', 'plant.b' }, modules)
    assert.same({ 'plant.feed', 'feed', 'feed' }, seen)
    assert.matches('/plant/plant/b.lua:2: x', problem())
  end)

  it('gives libraries and LuaJIT\'s own from the host', function()
    start_all(1, { 'a' }, {}, [[
      seen[1] = require 'std.time' == package.loaded['std.time']
      seen[2] = require 'ffi' == package.loaded.ffi
      seen[3] = require 'string' == string
      seen[4] = require 'cjson' == package.loaded.cjson ]])
    assert.same({ true, true, true, true }, seen)
  end)

  it('gives luv as it belongs to the worker', function()
    start_all(1, { 'a' }, {}, [[
      local uv = require 'luv'
      seen[1] = uv.hrtime() > 0
      seen[2] = pcall(uv.run)
      seen[3] = require('std.time').now() > 0 ]])
    assert.same({ true, false, true }, seen)
  end)

  it('shares a version between plans, not two versions', function()
    local function modules(version, text)
      return { { 'm', source(text), version = version } }
    end
    local text = [[ seen[#seen + 1] = 'loaded' return {} ]]
    local use = [[ require 'm' require 'm' ]]
    start_all(1, { 'a', 'b' }, modules(1, text), use)
    start_all(2, { 'a' }, modules(1, text), use)
    assert.same({ 'loaded' }, seen)
    start_all(3, { 'a' }, modules(2, text), use)
    assert.same({ 'loaded', 'loaded' }, seen)
    for plan = 1, 3 do
      vm:tell('DROP_PLAN', nil, nil, plan)
    end
    start_all(4, { 'a' }, modules(1, text), use)
    assert.same({ 'loaded', 'loaded', 'loaded' }, seen)
  end)

  it('sees the plan that the worker began from, whichever ran last', function()
    local function modules(version)
      return { { 'm', 'return ' .. version, version = version } }
    end
    local use = [[
      require('std.time').sleep(1)
      local m = require 'm'
      seen[#seen + 1] = m ]]
    start_all(1, { 'a' }, modules(1), use)
    start_all(2, { 'a' }, modules(2), use)
    vm:pass(1)
    table.sort(seen)
    assert.same({ 1, 2 }, seen)
  end)

  it('reads what the plan lacks from its folder, once', function()
    vm.root = os.tmpname()
    os.remove(vm.root)
    os.execute('mkdir ' .. vm.root)
    local file = assert(io.open(vm.root .. '/late.lua', 'w'))
    file:write [[ seen[#seen + 1] = 'read' return 7 ]]
    file:close()
    start_all(1, { 'a', 'b' }, {}, [[ local m = require 'late' seen[#seen + 1] = m ]])
    os.execute('rm -r ' .. vm.root)
    assert.same({ 'read', 7, 7 }, seen)
  end)

  it('names what is not there, and a mistake in what is', function()
    start_all(1, { 'a' }, {}, [[ require 'no.such' ]])
    local text = problem()
    assert.matches("module 'no.such' not found", text)
    assert.matches("no file '/nonexistent/no/such.lua'", text)
    start_all(2, { 'a' }, { { 'bad', 'return (' } })
    start_all(3, { 'bad' }, { { 'bad', 'return (' } })
    assert.matches('bad.lua:1:', problem())
    assert.same({}, vm:said())
  end)

  it('names a cycle, and can be tried again', function()
    local modules = {
      { 'a', [[ return require 'b' ]] },
      { 'b', [[ return require 'c' ]] },
      { 'c', [[ return require 'b' ]] },
    }
    start_all(1, { 'x', 'y' }, modules, [[
      local ok, why = pcall(require, 'a')
      seen[#seen + 1] = why ]])
    assert.matches('modules require each other: b %-> c %-> b', seen[1])
    assert.equal(seen[1], seen[2])
  end)

  it('runs a body that failed again for who tries again', function()
    local modules = { { 'flaky', [[
      seen[#seen + 1] = 'try'
      if #seen < 2 then error 'not yet' end
      return 'loaded' ]] } }
    start_all(1, { 'a' }, modules, [[
      assert(not pcall(require, 'flaky'))
      local m = require 'flaky'
      seen[#seen + 1] = m ]])
    assert.same({ 'try', 'try', 'loaded' }, seen)
  end)

  it('waits for a body that another worker runs', function()
    local modules = { { 'slow', [[
      seen[#seen + 1] = 'begun'
      require('std.time').sleep(1)
      return { 1 } ]] } }
    local use = [[ local m = require 'slow' seen[#seen + 1] = m ]]
    start_all(1, { 'a', 'b', 'c' }, modules, use)
    assert.same({ 'begun' }, seen)
    vm:pass(1)
    assert.equal(4, #seen)
    assert.equal(seen[2], seen[3])
    assert.equal(seen[2], seen[4])
  end)

  it('names a cycle that two workers are in', function()
    local modules = {
      { 'a', [[ require('std.time').sleep(1) return { require 'b' } ]] },
      { 'b', [[ require('std.time').sleep(1) return { require 'a' } ]] },
    }
    vm:plan(1, {
      { 'x', run = { task = loadstring [[ require 'a' ]] } },
      { 'y', run = { task = loadstring [[ require 'b' ]] } },
    }, modules)
    vm:start(1)
    vm:start(2)
    vm:pass(5)
    local said = vm:said()
    assert.equal('EXIT EXCEPTION', said[3])
    assert.matches('modules require each other', vm.last.text .. (vm.up[3] or ''))
    assert.is_true(vm:is_clean())
  end)

  it('leaves nothing half-loaded of a body that was interrupted', function()
    local modules = { { 'slow', [[
      seen[#seen + 1] = 'begun'
      require('std.time').sleep(1)
      return 5 ]] } }
    local use = [[ local m = require 'slow' seen[#seen + 1] = m ]]
    start_all(1, { 'a', 'b' }, modules, use)
    vm:tell('END', 101, 0)
    vm:turn()
    assert.same({ 'begun', 'begun' }, seen)
    vm:pass(1)
    assert.same({ 'begun', 'begun', 5 }, seen)
    assert.is_true(vm:is_clean())
  end)

  it('that fails makes a failed launch of a worker\'s own module', function()
    start_all(1, { 'm' }, { { 'm', 'error "not today"' } })
    assert.same({ 'EXIT LAUNCH' }, vm:said())
    assert.matches("in module 'm': /plant/m.lua:1: not today", vm.last.text)
    start_all(2, { 'm' }, { { 'm', 'return 7', version = 2 } })
    assert.same({ 'EXIT LAUNCH' }, vm:said())
    assert.matches('not what it returned to the tree script', vm.last.text)
    assert.is_true(vm:is_clean())
    assert.is_truthy(time)
  end)
end)
