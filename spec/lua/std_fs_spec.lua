local fake = require 'lua.fake_host'

describe('std.fs', function()
  local vm, fs, uv, folder

  before_each(function()
    vm = fake.new()
    fs, uv = require 'std.fs', require 'luv'
    folder = assert(uv.fs_mkdtemp '/tmp/std_fs_XXXXXX')
  end)

  after_each(function() os.execute('rm -rf ' .. folder) end)

  -- Runs `fn` as a worker until it has ended; what it returned.
  local function run(fn)
    local got
    vm:plan(1, { { 'a', run = { task = function() got = { fn() } end } } })
    vm:start(1)
    while vm.tasks[1] do
      uv.run 'once'
      vm:turn()
    end
    vm:said()
    return got or error(vm.last.text)
  end

  it('writes and reads', function()
    local text = ('line\n\0'):rep(50000)
    local got = run(function()
      assert(fs.write(folder .. '/a', text))
      assert(fs.write(folder .. '/empty', ''))
      return assert(fs.read(folder .. '/a')), assert(fs.read(folder .. '/empty'))
    end)
    assert.is_true(got[1] == text)
    assert.equal('', got[2])
  end)

  it('replaces a file whole and leaves nothing else behind', function()
    local got = run(function()
      assert(fs.write(folder .. '/a', 'old'))
      assert(fs.write(folder .. '/a', 'new', { mode = 384, sync = false }))
      local mode = fs.stat(folder .. '/a').mode % 512
      return fs.read(folder .. '/a'), fs.list(folder), mode
    end)
    assert.same({ 'new', { 'a' }, 384 }, got)
  end)

  it('says what became of it, not that the worker is to stop', function()
    local got
    vm:plan(1, { { 'a', run = { task = function()
      got = { fs.write(folder .. '/a', 'text') }
    end } } })
    vm:start(1)
    vm:ask(1)
    while vm.tasks[1] do
      uv.run 'once'
      vm:turn()
    end
    assert.same({ true }, got)
  end)

  it('finishes what was begun though its worker has ended', function()
    local function write() fs.write(folder .. '/a', 'text') end
    vm:plan(1, { { 'a', run = { task = write } } })
    vm:start(1)
    vm:tell('END', 1, 0)
    vm:turn()
    assert.is_true(vm:is_clean())
    uv.run()
    local request, names = uv.fs_scandir(folder), {}
    for name in uv.fs_scandir_next, request do
      names[#names + 1] = name
    end
    assert.same({ 'a' }, names)
  end)

  it('lets the others run meanwhile', function()
    local order = {}
    vm:plan(1, {
      { 'a', run = { task = function()
        fs.list(folder)
        order[#order + 1] = 'a'
      end } },
      { 'b', run = { task = function() order[#order + 1] = 'b' end } },
    })
    vm:start(1)
    vm:start(2)
    while vm.tasks[1] do
      uv.run 'once'
      vm:turn()
    end
    assert.same({ 'b', 'a' }, order)
  end)

  it('knows files, folders and links', function()
    assert(uv.fs_symlink('/nowhere', folder .. '/link'))
    local got = run(function()
      assert(fs.mkdir(folder .. '/x/y/z'))
      assert(fs.mkdir(folder .. '/x/y/z'))
      assert(fs.write(folder .. '/x/f', 'four'))
      return fs.stat(folder .. '/x').kind, fs.stat(folder .. '/x/f').size,
        fs.stat(folder .. '/link', { follow = false }).kind, fs.list(folder)
    end)
    assert.same({ 'directory', 4, 'link', { 'link', 'x' } }, got)
  end)

  it('renames and removes', function()
    local got = run(function()
      assert(fs.write(folder .. '/a', '1'))
      assert(fs.rename(folder .. '/a', folder .. '/b'))
      assert(fs.mkdir(folder .. '/d'))
      local before = fs.list(folder)
      assert(fs.remove(folder .. '/b'))
      assert(fs.remove(folder .. '/d'))
      return before, fs.list(folder)
    end)
    assert.same({ { 'b', 'd' }, {} }, got)
  end)

  it('leaves nothing behind of a file that could not be replaced', function()
    local got = run(function()
      assert(fs.mkdir(folder .. '/d/inner'))
      return fs.write(folder .. '/d', 'text') == nil, fs.list(folder)
    end)
    assert.same({ true, { 'd' } }, got)
  end)

  it('gives facts about the world as values', function()
    local codes = run(function()
      local found = {}
      local missing = folder .. '/none/x'
      for i, call in ipairs {
        function() return fs.read(missing) end,
        function() return fs.write(missing, '') end,
        function() return fs.list(missing) end,
        function() return fs.stat(missing) end,
        function() return fs.rename(missing, folder .. '/y') end,
        function() return fs.remove(missing) end,
        function() return fs.mkdir '/proc/none' end,
        function() return fs.read(folder) end,
        function() return fs.read('/dev/zero', { max = 1e5 }) end,
      } do
        local value, why = call()
        found[i] = value == nil and why.code
      end
      return unpack(found)
    end)
    assert.same({
      'ENOENT', 'ENOENT', 'ENOENT', 'ENOENT', 'ENOENT', 'ENOENT', 'ENOENT', 'EISDIR',
      'EFBIG',
    }, codes)
  end)

  it('raises in the line of a wrong call', function()
    for _, wrong in ipairs { 7, {}, '', 'a\0b' } do
      local ok, why = pcall(function() fs.read(wrong) end)
      assert.is_false(ok)
      assert.matches('std_fs_spec.lua:%d+: fs.read', why)
    end
  end)

  it('names the path in what went wrong, and knows its options', function()
    local got = run(function()
      local _, is_folder = fs.read(folder)
      local _, is_large = fs.read('/proc/self/status', { max = 3 })
      local _, misspelt = pcall(fs.write, folder .. '/a', 'x', { synk = true })
      local _, wrong = pcall(fs.remove, folder, { recursive = 1 })
      return tostring(is_folder), tostring(is_large), misspelt, wrong
    end)
    assert.equal('EISDIR: illegal operation on a directory: ' .. folder, got[1])
    assert.equal('EFBIG: more than 3 bytes: /proc/self/status', got[2])
    assert.truthy(got[3]:find("did you mean 'sync'", 1, true))
    assert.truthy(got[4]:find('recursive is a number, not a boolean', 1, true))
  end)

  it('keeps no descriptor open', function()
    local function descriptors()
      local count, request = 0, uv.fs_scandir '/proc/self/fd'
      while uv.fs_scandir_next(request) do
        count = count + 1
      end
      return count
    end
    local before = descriptors()
    run(function()
      for _ = 1, 3 do
        fs.write(folder .. '/a', 'x')
        fs.read(folder .. '/a')
        fs.read(folder)
        fs.read('/dev/zero', { max = 10 })
      end
    end)
    assert.equal(before, descriptors())
  end)

  it('walks, copies and removes trees, and does not follow links', function()
    local got = run(function()
      assert(fs.mkdir(folder .. '/d/x/y'))
      assert(fs.write(folder .. '/d/x/f', 'four', { mode = 448 }))
      assert(fs.mkdir(folder .. '/kept'))
      assert(fs.write(folder .. '/kept/f', 'text'))
      assert(fs.link('../kept', folder .. '/d/link'))
      assert(fs.copy(folder .. '/d/x/f', folder .. '/copy'))
      local entries, list = assert(fs.walk(folder .. '/d')), {}
      for i, entry in ipairs(entries) do
        list[i] = entry.path .. ' ' .. entry.kind
      end
      local mode = fs.stat(folder .. '/copy').mode % 512
      assert(fs.remove(folder .. '/d', { recursive = true }))
      return list, mode, fs.read(folder .. '/copy'), fs.list(folder),
        fs.read(folder .. '/kept/f')
    end)
    assert.same({
      { 'link link', 'x directory', 'x/f file', 'x/y directory' }, 448, 'four',
      { 'copy', 'kept' }, 'text',
    }, got)
  end)

  it('adds to a file, makes folders, knows real paths', function()
    local got = run(function()
      local temp = assert(fs.temp())
      assert(fs.append(temp .. '/log', 'a', { sync = true }))
      assert(fs.append(temp .. '/log', 'b'))
      local text, real = fs.read(temp .. '/log'), fs.real(temp .. '/../')
      assert(fs.remove(temp, { recursive = true }))
      return text, real ~= nil, select(2, fs.copy('/none/x', folder .. '/y')).code,
        select(2, fs.walk '/none').code, #fs.list(folder)
    end)
    assert.same({ 'ab', true, 'ENOENT', 'ENOENT', 0 }, got)
  end)

  it('watches a folder, and a file that is replaced', function()
    local got
    vm:plan(1, { { 'a', run = { task = function()
      assert(fs.write(folder .. '/conf', 'old'))
      local all, one = assert(fs.watch(folder)), assert(fs.watch(folder .. '/conf'))
      assert(fs.write(folder .. '/other', 'x'))
      local names = all:wait()
      assert(fs.write(folder .. '/conf', 'new'))
      got = { names, one:wait() }
      got[#got + 1] = select(2, one:wait())
      one:close()
      got[#got + 1] = select(2, one:wait())
    end } } })
    vm:start(1)
    for _ = 1, 300 do
      uv.run 'nowait'
      vm:turn()
      uv.sleep(1)
    end
    vm:ask(1)
    vm:turn()
    uv.run() -- what was closed has to be gone before the Lua state is
    assert.same({ 'conf' }, got[2])
    assert.equal('stopping', got[4])
    assert.equal('closed', got[5])
    local has_other = false
    for _, name in ipairs(got[1]) do
      has_other = has_other or name == 'other'
    end
    assert.is_true(has_other)
  end)

  it('lists folders without keeping memory', function()
    local kept = run(function()
      local function lists(count)
        for _ = 1, count do
          fs.list(folder)
        end
        collectgarbage()
        collectgarbage()
        return collectgarbage 'count'
      end
      local before = lists(200)
      return lists(200) - before
    end)
    assert.is_true(kept[1] < 30, kept[1] .. ' kB')
  end)
end)
