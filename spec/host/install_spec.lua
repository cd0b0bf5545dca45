-- `cmake --install` into a folder, then a new user's first minutes with what is there.

local assert = require 'luassert'
local json = require 'cjson'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local BUILD = os.getenv 'RS_BUILD' or 'build/release'

local prefix

-- Runs a shell's line with what is installed, and nothing else, on the path.
local function shell(line, dir)
  local file = prefix .. '/said'
  local status = os.execute(("cd '%s' && env -i PATH=%s/bin:/usr/bin:/bin HOME=%s "
    .. "XDG_RUNTIME_DIR=%s/run ASAN_OPTIONS=detect_leaks=0 sh -c '%s' >%s 2>&1"):format(
    dir or prefix, prefix, prefix, prefix, line:gsub("'", "'\\''"), file))
  return status / 256, posix.slurp(file)
end

local function does(line, dir)
  local status, text = shell(line, dir)
  assert.equal(0, status, line .. ':\n' .. text)
  return text
end

describe('what is installed', function()
  setup(function()
    posix.adopt()
    prefix = posix.scratch()
    local command = "cmake --install '%s' --prefix '%s' >%s/log 2>&1"
    local status = os.execute(command:format(BUILD, prefix, prefix))
    assert.equal(0, status, posix.slurp(prefix .. '/log'))
    assert(os.execute(('mkdir -m 700 %s/run'):format(prefix)) == 0)
  end)

  teardown(function()
    harness.sweep()
    os.execute(("rm -rf '%s'"):format(prefix))
  end)

  it('has a manual page, completion and definitions', function()
    local page = posix.slurp(prefix .. '/share/man/man1/runsmith.1')
    assert.truthy(page:find('.Dt RUNSMITH 1', 1, true))
    for file, text in pairs {
      ['bash-completion/completions/runsmith'] = 'complete -F _runsmith runsmith',
      ['zsh/site-functions/_runsmith'] = '#compdef runsmith',
      ['fish/vendor_completions.d/runsmith.fish'] = 'complete -c runsmith',
      ['runsmith/library/runsmith.lua'] = 'function rs.supervisor',
      ['runsmith/library/runsmith/vm/context.lua'] = '@class runsmith.Context',
      ['runsmith/library/std/process.lua'] = '@class std.process.Run',
      ['runsmith/library/std/net/stream.lua'] = '@class std.net.Stream',
      ['runsmith/library/std/http/request.lua'] = '@class std.http.Request',
    } do
      assert.truthy(posix.slurp(prefix .. '/share/' .. file):find(text, 1, true), file)
    end
    assert.truthy(does('runsmith version'):find '^runsmith %d')
  end)

  it('makes a project that runs, and whose spec passes', function()
    does 'runsmith init new/plant'
    local dir = prefix .. '/new/plant'
    assert.truthy(does('runsmith check tree.lua', dir):find 'greeter')
    local editor = json.decode(posix.slurp(dir .. '/.luarc.json'))
    local library = editor['workspace.library'][1]
    assert.equal(prefix .. '/share/runsmith/library', library)
    assert.truthy(does('busted', dir):find '0 failures')
    local said = does('runsmith run tree.lua & until runsmith status plant/greeter | '
      .. 'grep -q healthy; do sleep 0.1; done; runsmith why plant/greeter; '
      .. 'kill $! && wait $!', dir)
    assert.truthy(said:find 'hello, world', said)
    local status, text = shell('runsmith init .', dir)
    assert.equal(1, status)
    assert.truthy(text:find 'is there already')
  end)

  it('tells a new user\'s mistakes', function()
    does 'runsmith init wrong'
    local dir = prefix .. '/wrong'
    does("sed -i 's/run = /rum = /; s/max = 3/max = -3/' tree.lua", dir)
    local status, text = shell('runsmith run tree.lua', dir)
    assert.equal(1, status)
    local mistake = "tree.lua:5: wrong/greeter: unknown field 'rum'"
    assert.truthy(text:find(mistake, 1, true), text)
    assert.truthy(text:find('tree.lua:4', 1, true) or text:find('max', 1, true), text)
    status, text = shell('busted', dir)
    assert.not_equal(0, status)
    assert.truthy(text:find("unknown field 'rum'", 1, true), text)
    does("sed -i 's/rum = /run = /; s/max = -3/max = 3/' tree.lua", dir)
    does("sed -i 's/return worker/retrun worker/' greeter.lua", dir)
    status, text = shell('runsmith check tree.lua', dir)
    assert.equal(1, status)
    assert.truthy(text:find 'greeter.lua:%d+', text)
  end)
end)
