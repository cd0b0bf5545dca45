-- eval ends at its timeout, whatever it runs, and the worker goes on.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local misdeed = require 'host.support.misdeed'

local WORKER = [[
local time = require 'std.time'
local M = {}
function M.spin(count)
  local sum = 0
  for i = 1, count do sum = sum + i % 7 end
  return sum
end
function M.stubborn()
  while true do pcall(M.spin, 1e12) end
end
function M.running(self, ctx)
  self.spin, self.stubborn = M.spin, M.stubborn
  self.count = (self.count or 0) + 1
  if ctx.stopping then return 'complete' end
  M.spin(100000) -- compiled before any eval comes
  time.sleep(0.02)
  return 'keepalive'
end
return require('runsmith.worker').define {
  running = M.running,
}
]]

local function tree(backend)
  return ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' {
  rs.worker 'one' { run = 'spinner', backend = '%s' },
  rs.worker 'two' { run = 'spinner' },
}
]]):format(backend)
end

describe('eval of what does not come back', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'process' } do
    it('ends at its timeout, compiled or not, in a ' .. backend .. ' worker', function()
      local host = control.start {
        ['tree.lua'] = tree(backend), ['spinner.lua'] = WORKER,
      }
      for _, lua in ipairs {
        'self.spin(1e15)', 'self.stubborn()', 'while true do end',
        'local function f() return f() end return f()',
      } do
        local status, _, text =
          control.run(host, 'eval', 'plant/one', '--timeout', '0.3', lua)
        assert.equal(1, status, lua)
        assert.truthy(text:find 'took more than 0.3 s', lua .. text)
        local _, before = control.run(host, 'eval', 'plant/one', 'self.count')
        host:watch(0.1)
        local _, after = control.run(host, 'eval', 'plant/one', 'self.count')
        assert.is_true(tonumber(after) > tonumber(before), lua)
      end
      misdeed.untouched(host, { 'plant/one', 'plant/two' })
      assert.same({}, host:all { kind = 'violation' })
      host:finish()
    end)
  end

  it('tells of an error where in the text it was, and nothing of who ran it', function()
    local host = control.start {
      ['tree.lua'] = tree 'coroutine', ['spinner.lua'] = WORKER,
    }
    local status, _, text = control.run(host, 'eval', 'plant/one', 'self.none.more()')
    assert.equal(1, status)
    assert.truthy(text:find 'eval:1: attempt to index', text)
    assert.is_nil(text:find '%.lua', text)
    host:finish()
  end)
end)

describe('eval of what is no JSON', function()
  after_each(harness.sweep)

  it('is drawn: functions by name, a table in itself as dots', function()
    local host = control.start {
      ['tree.lua'] = tree 'coroutine', ['spinner.lua'] = WORKER,
    }
    local function eval(lua)
      local status, out = control.run(host, 'eval', 'plant/one', lua)
      assert.equal(0, status)
      return out
    end
    assert.truthy(eval('self'):find '^{ count = %d+, spin = function: %S+, stubborn = ')
    local cycle = 'local t = { a = 1, [true] = "x" } t.t = { t } return t'
    assert.equal('{ [true] = "x", a = 1, t = { [1] = {…} } }\n', eval(cycle))
    local many = 'local t = { print } for i = 2, 1e5 do t[i] = t end return t'
    assert.truthy(#eval(many) < 4000)
    host:finish()
  end)
end)

describe('eval that ends its worker', function()
  after_each(harness.sweep)

  it('says so at once', function()
    local host = control.start {
      ['tree.lua'] = tree 'process', ['spinner.lua'] = WORKER,
    }
    for i, lua in ipairs { 'os.exit(1)', "require('ffi').cast('int *', 0)[0] = 1" } do
      local status, _, text =
        control.run(host, 'eval', 'plant/one', '--timeout', '60', lua)
      assert.equal(1, status)
      assert.equal('runsmith eval: the worker ended and gave no answer\n', text)
      host:wait_for { kind = 'ready', unit = 'plant/one', incarnation = i }
    end
    host:finish()
  end)
end)
