--- runsmith init: a project that runs, and whose spec passes.
local uv = require 'luv'

local FILES = {
  {
    'tree.lua',
    [[
local rs = require 'runsmith'

return rs.supervisor '@NAME@' {
  intensity = { max = 3, within = 60 },
  rs.worker 'greeter' { run = 'greeter', args = { name = 'world' } },
}
]],
  },
  {
    'greeter.lua',
    [[
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'

return worker.define {
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    self.count = (self.count or 0) + 1
    log.info('hello, ' .. ctx.args.name, { count = self.count })
    time.sleep(1)
    return 'keepalive'
  end,
}
]],
  },
  {
    'spec/tree_spec.lua',
    [[
-- Run by `busted`. It reads the tree as the host would, and draws it.

local PROGRAM = os.getenv 'RUNSMITH' or 'runsmith'

-- What a command says; a failure of its fails the test with that.
local function output(command)
  local pipe = assert(io.popen(PROGRAM .. ' ' .. command .. ' 2>&1; echo status $?'))
  local text = pipe:read '*a'
  pipe:close()
  return assert(text:match '^(.*)status 0\n$', text)
end

describe('the tree', function()
  it('has no mistakes', function()
    output 'check tree.lua'
  end)

  it('has a greeter', function()
    local life = output 'lifecycle tree.lua @NAME@/greeter'
    assert.truthy(life:find 'running', life)
  end)
end)
]],
  },
  {
    '.busted',
    [[
return { default = { lua = 'luajit', ROOT = { 'spec' } } }
]],
  },
  {
    '.luarc.json',
    [[
{
  "runtime.version": "LuaJIT",
  "workspace.library": [@LIBRARY@],
  "workspace.checkThirdParty": false,
  "diagnostics.globals": ["describe", "it", "before_each", "after_each"]
}
]],
  },
  {
    'README.md',
    [[
# @NAME@

    runsmith check tree.lua     draw the tree
    runsmith run tree.lua       run it
    runsmith status             how it is, from another terminal
    runsmith reload             after a file was edited
    busted                      run the specs
]],
  },
}

-- The folder where an editor finds the definitions: installed, or as they were built.
local function library()
  local folder = uv.exepath():match '^(.*)/'
  for _, place in ipairs { '/../share/runsmith/library', '/share/runsmith/library' } do
    local path = uv.fs_realpath(folder .. place)
    if path then return ('"%s"'):format(path) end
  end
  return ''
end

local function make_folder(path)
  local stat = uv.fs_stat(path)
  if stat then return stat.type == 'directory' or nil, path .. ' is no folder' end
  local parent = path:match '^(.+)/[^/]+$'
  if parent then
    local ok, why = make_folder(parent)
    if not ok then return nil, why end
  end
  return uv.fs_mkdir(path, 493)
end

local function write(path, text)
  local ok, why = make_folder(path:match '^(.*)/')
  if not ok then return nil, why end
  local file
  file, why = io.open(path, 'w')
  if not file then return nil, why end
  file:write(text)
  file:close()
  return true
end

-- A name that a unit may have.
local function name_of(dir)
  local full = uv.fs_realpath(dir) or dir
  local name = full:match '([^/]+)/*$' or 'project'
  return (name:gsub('[^%w_.-]', '_'))
end

return {
  name = 'init',
  summary = 'make a new project: a tree, a worker, a spec',
  args = { { 'DIR', 'its folder' } },
  run = function(given)
    local dir = given.DIR:gsub('(.)/+$', '%1')
    for _, file in ipairs(FILES) do
      if uv.fs_stat(dir .. '/' .. file[1]) then
        local text = 'runsmith init: %s/%s is there already\n'
        io.stderr:write(text:format(dir, file[1]))
        return 1
      end
    end
    local values = { NAME = name_of(dir), LIBRARY = library() }
    for _, file in ipairs(FILES) do
      local ok, why = write(dir .. '/' .. file[1], (file[2]:gsub('@(%u+)@', values)))
      if not ok then
        io.stderr:write(('runsmith init: %s\n'):format(why))
        return 1
      end
      io.stdout:write(dir, '/', file[1], '\n')
    end
    local word = dir:find '[^%w_./-]' and "'" .. dir:gsub("'", "'\\''") .. "'" or dir
    io.stdout:write(('\n  cd %s && runsmith run tree.lua\n'):format(word))
    return 0
  end,
}
