local cjson = require 'cjson'
local fake = require 'lua.fake_host'

describe('std.log', function()
  local vm, log

  before_each(function()
    vm = fake.new()
    log = require 'std.log'
  end)

  local function logged(fn)
    vm:plan(1, { { 'a', run = { task = fn } } })
    vm:start(1)
    local entries = {}
    for _, record in ipairs(vm.up) do
      if record.kind == 'LOG' then
        local entry = cjson.decode(record.text)
        entry.level, entry.slot = record.a, record.slot
        entries[#entries + 1] = entry
      end
    end
    return entries, vm.up[#vm.up]
  end

  it('writes entries in the worker\'s name', function()
    local entries = logged(function()
      log.debug 'one'
      log.info('two', { count = 2 })
      log.warn('three', { list = { 1, 'x' }, deep = { a = { b = true } } })
      log.error('four', {})
    end)
    assert.same({
      { text = 'one', level = 0, slot = 1 },
      { text = 'two', fields = { count = 2 }, level = 1, slot = 1 },
      {
        text = 'three',
        fields = { list = { 1, 'x' }, deep = { a = { b = true } } },
        level = 2,
        slot = 1,
      },
      { text = 'four', fields = {}, level = 3, slot = 1 },
    }, entries)
  end)

  it('writes what is no plain data as text', function()
    local entries = logged(function()
      local cycle = {}
      cycle.itself = cycle
      local odd = { fn = print, nan = 0 / 0, inf = math.huge, [1] = 'x' }
      odd.cycle = cycle
      log.info('odd', odd)
    end)
    local fields = entries[1].fields
    assert.matches('^function: ', fields.fn)
    assert.equal('inf', fields.inf)
    assert.equal('x', fields['1'])
    assert.is_table(fields.cycle.itself)
  end)

  it('writes a NUL as what is no character', function()
    local entries = logged(function() log.info 'a\0b' end)
    assert.equal('a\239\191\189b', entries[1].text)
  end)

  it('cuts what is too long', function()
    local entries = logged(function()
      log.info(('x'):rep(1e5))
      log.info('short', { long = ('x'):rep(1e5) })
      log.info(('\1'):rep(1e5))
    end)
    assert.equal(math.floor(vm.host.text_max / 4), #entries[1].text)
    assert.same({ dropped = 'too long' }, entries[2].fields)
    assert.equal(3, #entries)
  end)

  it('raises in the line of a wrong call', function()
    local _, exit = logged(function() log.info(7) end)
    assert.matches('std_log_spec.lua:%d+: log.info takes a text', exit.text)
  end)

  it('has loggers with fields of their own', function()
    local entries = logged(function()
      local common = { camera = 'north', n = 1 }
      local own = log.with(common)
      common.camera = 'south'
      own.warn('dark', { n = 2 })
      own.info 'light'
    end)
    assert.same({ camera = 'north', n = 2 }, entries[1].fields)
    assert.equal(2, entries[1].level)
    assert.same({ camera = 'north', n = 1 }, entries[2].fields)
  end)
end)
