-- What travels arrives as it was; what cannot says which upvalue, on which line.

local assert = require 'luassert'
local travel = require 'runsmith.tree.travel'

local function there_and_back(value, find)
  return travel.decode(travel.encode(value), find)
end

local function complaint(value)
  local ok, message = pcall(travel.encode, value)
  assert.is_false(ok)
  return message
end

describe('plain data', function()
  it('arrives equal', function()
    for _, value in ipairs { 1, 'text', true, { 1, { a = 'b' } }, { [2.5] = false } } do
      assert.same(value, there_and_back(value))
    end
    assert.is_nil(there_and_back(nil))
    local nan = there_and_back { 0 / 0 }
    assert.truthy(nan[1] ~= nan[1])
  end)

  it('is a copy', function()
    local value = { a = {} }
    assert.not_equal(value.a, there_and_back(value).a)
  end)

  it('that is none is told with its path', function()
    local cycle = { a = { {} } }
    cycle.a[1].back = cycle
    local rows = {
      { cycle, 'args.a[1].back contains itself' },
      { { a = { b = print } }, 'args.a.b is a function' },
      { { ['x y'] = setmetatable({}, {}) }, "args['x y'] has a metatable" },
      { { [print] = 1 }, 'args has a function for a key' },
      { io.stdout, 'args is a userdata' },
    }
    for _, row in ipairs(rows) do
      local why = travel.plain_fault(row[1], 'args')
      assert.equal(row[2], why and why:sub(1, #row[2]))
    end
    local shared = {}
    assert.is_nil(travel.plain_fault({ shared, shared }, 'args'))
  end)
end)

describe('a function', function()
  it('takes its upvalues along, shared ones shared', function()
    local count, unit = 5, { name = 'a' }
    local function add()
      count = count + 1
      return unit.name
    end
    local function get() return count end
    local there = there_and_back { add = add, get = get }
    assert.equal('a', there.add())
    assert.equal(6, there.get())
    assert.equal(5, count)
  end)

  it('may call itself, and others that call it', function()
    local even
    local function odd(n) return n > 0 and even(n - 1) end
    function even(n) return n == 0 or odd(n - 1) end
    assert.is_true(there_and_back(even)(10))
    assert.is_false(there_and_back(odd)(10))
  end)

  it('finds modules, and their fields, by name', function()
    local suggest, floor, out = require 'runsmith.tree.suggest', math.floor, io.stdout
    local there = there_and_back(function() return suggest, floor, out end)
    local a, b, c = there()
    assert.equal(suggest, a)
    assert.equal(math.floor, b)
    assert.equal(io.stdout, c)
  end)

  it('finds them through whom the receiver says', function()
    local suggest = require 'runsmith.tree.suggest'
    local bytes = travel.encode(function() return suggest end)
    local there = travel.decode(bytes, function(name) return { name } end)
    assert.same({ 'runsmith.tree.suggest' }, there())
  end)

  it('with an upvalue that cannot travel names it and its line', function()
    local handle = assert(io.open '/dev/null')
    local line = debug.getinfo(1, 'l').currentline
    local message = complaint {
      task = function()
        local x = 1

        return handle:read(x)
      end,
    }
    handle:close()
    assert.truthy(
      message:find(("travel_spec.lua:%d: upvalue 'handle'"):format(line + 5), 1, true),
      message
    )
    assert.truthy(message:find('userdata', 1, true))
  end)

  it('in C that no module has is told', function()
    local hidden = string.gmatch('a', 'a')
    assert.truthy(
      complaint(function() return hidden() end):find("upvalue 'hidden'", 1, true)
    )
  end)
end)

describe('the essence of a function', function()
  local function essence(fn)
    return require('string.buffer').encode(travel.essence(travel.pack(fn, error))[2])
  end

  it('does not change with the line it is on', function()
    local one = assert(loadstring 'return function(x) return { x, a = 1, b = 2 } end')()
    local two =
      assert(loadstring '\n\nreturn function(y) return { y, a = 1, b = 2 } end')()
    local other =
      assert(loadstring 'return function(x) return { x, a = 1, b = 3 } end')()
    assert.equal(essence(one), essence(two))
    assert.not_equal(essence(one), essence(other))
  end)

  it('is the same in every process', function()
    local program = ([[
      package.path = 'lua/?.lua;' .. package.path
      local travel = require 'runsmith.tree.travel'
      local state = { a = 1, b = 2, c = { d = 3, e = 4 } }
      local function two() return { u = 1, v = 2, w = { x = 1, y = 2 } } end
      local function one() return { aa = 1, bb = 2, cc = 3, [1.5] = 2, state, two } end
      local pack = travel.pack({ z = one, y = two, x = two, k = one }, error)
      local codes = travel.essence(pack)[2]
      for i, code in ipairs(codes) do
        io.write(i, code[1]:gsub('.', function(c) return c:byte() .. ' ' end), '\n')
      end]]):gsub('%s+', ' ')
    local outputs = {}
    for _ = 1, 5 do
      local pipe = io.popen(("luajit -e '%s'"):format(program:gsub("'", "'\\''")))
      outputs[pipe:read '*a'] = true
      pipe:close()
    end
    local first = next(outputs)
    assert.truthy(#first > 100)
    assert.is_nil(next(outputs, first))
  end)
end)
