local fake = require 'lua.fake_host'

describe('what a worker prints', function()
  local vm
  local real = { print = print, out = io.stdout, err = io.stderr, write = io.write }
  real.output, real.type, real.close = io.output, io.type, io.close

  before_each(function()
    vm = fake.new()
    require('runsmith.vm.output').install()
  end)

  after_each(function()
    -- luacheck: push ignore 121 122
    print, io.stdout, io.stderr, io.write = real.print, real.out, real.err, real.write
    io.output, io.type, io.close = real.output, real.type, real.close
    -- luacheck: pop
  end)

  local function prints(fn)
    vm:plan(1, { { 'a', run = { task = fn } } })
    vm:start(1)
    local said = {}
    for _, record in ipairs(vm.up) do
      if record.kind == 'OUTPUT' then said[#said + 1] = record.a .. record.text end
    end
    return said
  end

  it('is told line by line in its name', function()
    assert.same({ '1one\t2\tnil', '1three', '1four', '2five' }, prints(function()
      print('one', 2, nil)
      io.write 'thr'
      io.stdout:write('ee\nfo', 'ur\n')
      io.stderr:write 'five\n'
    end))
  end)

  it('is told though its last line has no end, before its exit', function()
    assert.same({ '1half' }, prints(function() io.write 'half' end))
    assert.equal('EXIT', vm.up[#vm.up].kind)
  end)

  it('comes in parts if it has no end at all', function()
    local before
    local said = prints(function()
      io.write(('x'):rep(20000))
      before = #vm.up
    end)
    assert.is_true(before > 1)
    assert.equal(20000 + #said, #table.concat(said))
  end)

  it('can still go to a file', function()
    local name = os.tmpname()
    assert.same({ '1after' }, prints(function()
      io.output(name)
      io.write 'in the file'
      io.close()
      io.output(io.stdout)
      io.write 'after\n'
    end))
    local file = assert(io.open(name))
    assert.equal('in the file', file:read '*a')
    file:close()
    os.remove(name)
  end)
end)
