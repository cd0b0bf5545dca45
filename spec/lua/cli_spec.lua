-- The command line by itself: options, help, and the real commands, each in a LuaJIT of
-- its own.

local assert = require 'luassert'
local core_library = require 'lua.core_library'
local scripts = require 'lua.scripts'
local options = require 'cli.options'

local PROGRAM = [[
package.path = 'lua/?.lua;lua/?/init.lua;spec/?.lua;' .. package.path
require('runsmith.abi').use(require('ffi').load(os.getenv 'RUNSMITH_CORE'))
local evaluate = require 'runsmith.tree.evaluate'
local spawn = evaluate.spawn
function evaluate.spawn(file, limits)
  limits.command = { 'luajit', arg[0] }
  return spawn(file, limits)
end
os.exit(require('cli')({ unpack(arg) }))
]]

local SCRIPT = [[return rs.supervisor 'plant' {
  rs.worker 'poller' { run = 'beater' },
  rs.worker 'once' { run = function() end, backend = 'process', after = { 'poller' } },
  rs.supervisor 'edge' { isolate = true, strategy = 'rest_for_one',
    rs.command 'onvif' { exec = { 'onvif', '-v' } } },
}]]

local dir

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- Runs the command line: status, what it said, what it complained of.
local function run(...)
  local words = {
    'cd',
    '.',
    '&&',
    'env',
    'NO_COLOR=1',
    'RUNSMITH_CORE=' .. quote(core_library.path),
    'luajit',
    dir .. 'program.lua',
  }
  for _, word in ipairs { ... } do
    words[#words + 1] = quote(word)
  end
  local command = ('%s >%sout 2>%serr'):format(table.concat(words, ' '), dir, dir)
  local status = os.execute(command)
  if type(status) == 'number' then status = status / 256 end
  local texts = {}
  for i, name in ipairs { 'out', 'err' } do
    local file = assert(io.open(dir .. name))
    texts[i] = file:read '*a'
    file:close()
  end
  return status, texts[1], texts[2]
end

local function has(text, ...)
  for _, part in ipairs { ... } do
    assert.truthy(text:find(part, 1, true), part .. ' is not in:\n' .. text)
  end
end

setup(function()
  local path = os.getenv 'RUNSMITH_CORE'
  core_library.use { keep = not path }
  dir = scripts.folder {
    ['tree.lua'] = SCRIPT,
    ['beater.lua'] = scripts.BEATER,
    ['program.lua'] = PROGRAM,
    ['pool.lua'] = "local rs = require 'runsmith'\n"
      .. "return rs.supervisor 'plant' { pool = rs.worker { run = 'beater' } }\n",
    ['bad.lua'] = "local rs = require 'runsmith'\nreturn rs.supervisor 'p' {\n"
      .. "  rs.worker 'a' { rum = 1 },\n}\n",
    ['life.lua'] = "local rs, ever = require 'runsmith', math.huge\n"
      .. "return rs.supervisor 'p' { intensity = { within = ever }, shutdown = ever,\n"
      .. "rs.worker 'a' { run = function() end, stall = ever, launch = ever } }",
    ['loud.lua'] = "print 'loud'\nos.exit(0)",
  }
end)

teardown(function()
  scripts.remove(dir)
  core_library.forget()
end)

describe('options', function()
  local COMMAND = {
    name = 'x',
    summary = 'does x',
    args = { { 'FILE', 'a file' } },
    options = {
      { 'fast', nil, 'a switch' },
      { 'size', 'SIZE', 'a size', '1M', options.size },
      { 'log', 'text|json', 'how', 'text', options.one_of('text', 'json') },
    },
  }

  it('are read in any order, with or without =', function()
    local given = options.read(COMMAND, { '--size=2K', 'f', '--fast', '--log', 'json' })
    assert.same({ FILE = 'f', fast = true, size = 2048, log = 'json' }, given)
    assert.same(
      { FILE = '--fast', size = '1M', log = 'text' },
      options.read(COMMAND, { '--', '--fast' })
    )
    assert.is_true(options.read(COMMAND, { '--help' }).help)
  end)

  it('that are wrong are told in a sentence', function()
    local rows = {
      { {}, 'FILE is missing: a file' },
      { { 'a', 'b' }, "'b' is one argument too many" },
      { { '--fats', 'a' }, "there is no option '--fats': did you mean 'fast'?" },
      { { '-x', 'a' }, "there is no option '-x'" },
      { { 'a', '--size' }, '--size needs a value: SIZE' },
      { { 'a', '--size', 'big' }, "--size is 'big': it must be a size" },
      { { 'a', '--log', 'jsn' }, "--log is 'jsn': did you mean 'json'?" },
      { { 'a', '--fast=1' }, '--fast takes no value' },
    }
    for _, row in ipairs(rows) do
      local given, why = options.read(COMMAND, row[1])
      assert.is_nil(given)
      has(why, row[2])
    end
  end)

  it(
    'are explained by the same table',
    function()
      has(
        options.help(COMMAND),
        'usage: runsmith x FILE [--fast] [--size SIZE]',
        'does x',
        '--size SIZE',
        'a size (1M)',
        '--help'
      )
    end
  )
end)

describe('the command line', function()
  it('shows its commands', function()
    local status, out = run '--help'
    assert.equal(0, status)
    has(out, 'run ', 'check ', 'lifecycle ', 'version ')
    assert.is_nil(out:find '__')
    status = run()
    assert.equal(2, status)
  end)

  it('has help for each command', function()
    for _, name in ipairs { 'run', 'check', 'lifecycle', 'version' } do
      local status, out = run(name, '--help')
      assert.equal(0, status)
      has(out, 'usage: runsmith ' .. name)
      assert.equal(out, select(2, run('help', name)))
    end
  end)

  it('knows what was meant', function()
    local status, _, err = run 'chek'
    assert.equal(2, status)
    has(err, "there is no command 'chek': did you mean 'check'?")
    status, _, err = run('check', '--jsn', 'x')
    assert.equal(2, status)
    has(err, "did you mean 'json'?", 'usage: runsmith check')
  end)

  it('says the version that CMake builds', function()
    local file = assert(io.open 'CMakeLists.txt')
    local version = file:read('*a'):match 'project%(runsmith VERSION ([%d.]+)'
    file:close()
    local status, out = run 'version'
    assert.equal(0, status)
    has(out, 'runsmith ' .. version .. ' ', 'LuaJIT', 'libuv')
  end)

  it('run says which file is not there', function()
    local status, _, err = run('run', dir .. 'nowhere.lua')
    assert.equal(1, status)
    has(err, 'nowhere.lua: No such file')
  end)
end)

describe('check', function()
  it('draws the tree', function()
    local status, out, err = run('check', dir .. 'tree.lua')
    assert.equal(0, status, err)
    has(
      out,
      '├─ poller',
      '└─ edge',
      '   └─ onvif',
      'rest_for_one',
      'isolated',
      'after poller',
      'heartbeat 2 s',
      'onvif -v',
      'a function',
      'process',
      '2 supervisors, 2 workers, 1 command'
    )
    assert.is_nil(out:find '\27')
  end)

  it('draws what has no limit', function()
    local status, out, err = run('check', dir .. 'life.lua')
    assert.equal(0, status, err)
    has(out, '3 restarts in its life')
  end)

  it('draws it for programs', function()
    local status, out = run('check', '--json', dir .. 'tree.lua')
    assert.equal(0, status)
    local result = require('cjson').decode(out)
    assert.is_true(result.ok)
    assert.equal('poller', result.tree.children[1].name)
    assert.equal(2, result.tree.children[1].heartbeat)
    assert.same({ 'poller' }, result.tree.children[2].after)
  end)

  it('tells mistakes, for people and for programs', function()
    local status, out, err = run('check', dir .. 'bad.lua')
    assert.equal(1, status)
    assert.equal('', out)
    has(
      err,
      dir .. "bad.lua:3: p/a: unknown field 'rum': did you mean 'run'?",
      '2 mistakes'
    )
    status, out = run('check', '--json', dir .. 'bad.lua')
    assert.equal(1, status)
    local result = require('cjson').decode(out)
    assert.is_false(result.ok)
    assert.equal(3, result.mistakes[1].line)
    assert.equal('p/a', result.mistakes[1].path)
  end)

  it('lets a script print to stderr, and end nothing', function()
    local status, out, err = run('check', dir .. 'loud.lua')
    assert.equal(1, status)
    assert.equal('', out)
    has(err, 'loud\n', 'loud.lua:2: os.exit: a tree script describes')
  end)

  it('says why there is nothing where evaluation was ended', function()
    local evaluate = require 'runsmith.tree.evaluate'
    local rows = {
      { 'kill -XCPU $$', 'more than 7 s of processor time' },
      { 'kill -KILL $$', 'was killed' },
      { 'kill -SEGV $$', 'crashed (signal 11)' },
      { 'exit 3', 'ended with status 3 and said nothing' },
    }
    for _, row in ipairs(rows) do
      local bytes, mistakes = evaluate.spawn('f', {
        cpu = 7,
        command = { '/bin/sh', '-c', row[1] },
      })
      assert.is_nil(bytes)
      has(mistakes[1].message, row[2])
    end
    local waits = { '/bin/sh', '-c', 'sleep 1000 & wait' } -- it has the pipes, too
    local _, late = evaluate.spawn('f', { wall = 0.2, command = waits })
    has(late[1].message, 'not done after 0.2 s')
    local _, mistakes = evaluate.spawn('f', { command = { '/no/such/program' } })
    has(mistakes[1].message, 'cannot start /no/such/program')
  end)
end)

describe('lifecycle', function()
  local function show(format)
    local status, out, err =
      run('lifecycle', dir .. 'tree.lua', 'plant/poller', '--format', format)
    assert.equal(0, status, err)
    return out
  end

  it('is shown as text, for Mermaid and for Graphviz', function()
    has(
      show 'text',
      'opening  timeout 10 s\n  error → crashed\n  opened → running\n',
      'running  heartbeat 2 s, every 0.5 s, ready',
      'stop (1 s) → closing',
      'stopped  ends ok'
    )
    has(
      show 'mermaid',
      'stateDiagram-v2\n  [*] --> opening',
      'running --> closing: stop',
      'stopped --> [*]'
    )
    has(
      show 'dot',
      'digraph lifecycle {',
      '"running" -> "closing" [label = "stop (1 s)"]'
    )
  end)

  it("of a pool's units is its template's", function()
    local status, out = run('lifecycle', dir .. 'pool.lua', 'plant/any')
    assert.equal(0, status)
    has(out, 'running  heartbeat')
    local _, _, err = run('lifecycle', dir .. 'pool.lua', 'plnt')
    has(err, "did you mean 'plant'?")
  end)

  it('of what has none is refused', function()
    local status, _, err = run('lifecycle', dir .. 'tree.lua', 'plant/edge')
    assert.equal(1, status)
    has(err, "'plant/edge' is no Lua worker")
    status, _, err = run('lifecycle', dir .. 'tree.lua', 'plant/pollr')
    assert.equal(1, status)
    has(err, "there is no unit 'plant/pollr': did you mean 'plant/poller'?")
  end)
end)
