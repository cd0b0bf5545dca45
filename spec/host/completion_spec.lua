-- The shells' own completion with the scripts that the program prints, against a
-- running host; the manual page. A shell that is not installed is not asked.

local assert = require 'luassert'
local commands = require 'cli.commands'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local PROGRAM = os.getenv 'RUNSMITH' or 'build/release/runsmith'
if PROGRAM:sub(1, 1) ~= '/' then PROGRAM = harness.root() .. '/' .. PROGRAM end

local TREE = [[
local rs = require 'runsmith'
local function idle() require('std.time').sleep(math.huge) end
return rs.supervisor 'plant' {
  rs.worker 'camera' { run = idle },
  rs.supervisor 'edge' { rs.worker 'cutter' { run = idle } },
}
]]

local function has(shell)
  return os.execute(('command -v %s >/dev/null 2>&1'):format(shell)) == 0
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- What a shell's script says, with `runsmith` on the path.
local function ask(host, shell, script)
  local path = host.dir .. '/ask.' .. shell
  local file = assert(io.open(path, 'w'))
  file:write(script)
  file:close()
  os.execute(("mkdir -p %s/bin && ln -sf '%s' %s/bin/runsmith"):format(
    host.dir, PROGRAM, host.dir))
  local pipe = assert(io.popen(
    ('cd %s && RUNSMITH_SOCKET=%s HOME=%s PATH=%s/bin:$PATH %s %s 2>&1'):format(
      host.dir, control.path(host), host.dir, host.dir,
      shell == 'zsh' and 'zsh -f' or shell, path)))
  local words = {}
  for line in pipe:lines() do
    words[#words + 1] = line:match '^[^\t]*'
  end
  pipe:close()
  table.sort(words)
  return words
end

local ASK = {}

function ASK.bash(host, words)
  local list = {}
  for i, word in ipairs(words) do
    list[i] = quoted(word)
  end
  return ask(host, 'bash', ([[
    source <(runsmith completion bash)
    COMP_WORDS=(runsmith %s)
    COMP_CWORD=%d
    $(complete -p runsmith | sed 's/.*-F \([^ ]*\).*/\1/')
    printf '%%s\n' "${COMPREPLY[@]}"
  ]]):format(table.concat(list, ' '), #words))
end

-- The functions that zsh's completion system hands the words to say them instead.
function ASK.zsh(host, list)
  local parts = {}
  for i, word in ipairs(list) do
    parts[i] = quoted(word)
  end
  return ask(host, 'zsh', ([[
    compdef() { asked=$1 }
    _describe() {
      local item
      for item in "${(@P)2}"; do print -r -- "${item%%%%:*}"; done
    }
    _files() { print -r -- files $* }
    eval "$(runsmith completion zsh)"
    words=(runsmith %s)
    CURRENT=%d
    $asked
  ]]):format(table.concat(parts, ' '), #list + 1))
end

function ASK.fish(host, words)
  return ask(host, 'fish', ([[
    runsmith completion fish | source
    complete -C %s
  ]]):format(quoted('runsmith ' .. table.concat(words, ' '))))
end

describe('completion', function()
  local host

  setup(function() host = control.start { ['tree.lua'] = TREE } end)
  teardown(function()
    host:finish()
    harness.sweep()
  end)

  for _, shell in ipairs { 'bash', 'zsh', 'fish' } do
    it('of ' .. shell, function()
      if not has(shell) then return end
      local query = ASK[shell]
      assert.same({ 'start', 'status', 'stop' }, query(host, { 'st' }))
      assert.same({ 'plant/camera' }, query(host, { 'stop', 'plant/ca' }))
      assert.same({ 'plant', 'plant/camera', 'plant/edge', 'plant/edge/cutter' },
        query(host, { 'why', '' }))
      assert.same({ '--journal' }, query(host, { 'run', '--jo' }))
      assert.same({ 'json', 'text' }, query(host, { 'run', '--log', '' }))
      assert.same({ 'bash', 'fish', 'zsh' }, query(host, { 'completion', '' }))
      local folders = table.concat(query(host, { 'init', 'bi' }), ' ')
      assert.truthy(folders:find 'bin' or folders:find '^files')
    end)
  end

  it('knows every command and every option', function()
    for _, command in ipairs(commands.all()) do
      local _, out = control.run(host, '__complete', command.name, '-')
      for _, option in ipairs(command.options or {}) do
        assert.truthy(out:find('--' .. option[1] .. '\t', 1, true), option[1])
      end
      local status, page = control.run(host, command.name, '--help')
      assert.equal(0, status)
      assert.truthy(page:find('usage: runsmith ' .. command.name, 1, true))
    end
  end)

  it('says which shells there are', function()
    local status, _, err = control.run(host, 'completion', 'bsh')
    assert.equal(2, status)
    assert.truthy(err:find("did you mean 'bash'?", 1, true))
  end)
end)

describe('the manual', function()
  it('has every command and every option, and no fault that mandoc finds', function()
    local path = posix.scratch() .. '/runsmith.1'
    assert.equal(0, os.execute(("'%s' __manual >%s"):format(PROGRAM, path)))
    local page = posix.slurp(path)
    for _, command in ipairs(commands.all()) do
      assert.truthy(page:find('\n.Ss ' .. command.name .. '\n', 1, true), command.name)
      for _, option in ipairs(command.options or {}) do
        assert.truthy(page:find('\n.It Fl -' .. option[1], 1, true), option[1])
      end
    end
    if not has 'mandoc' then return end
    local pipe = io.popen('mandoc -Tlint ' .. path .. ' 2>&1 | grep -v makewhatis')
    assert.equal('', pipe:read '*a')
    pipe:close()
    os.execute('rm -r ' .. path:match '^(.*)/')
  end)
end)
