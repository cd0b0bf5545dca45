-- Lua in README and docs is no decoration: each block is read, and each that is a tree
-- or a worker goes through `runsmith check`. A block's first line may name its file.

local assert = require 'luassert'
local files = require 'tidy.files'
local posix = require 'host.support.posix'

local PROGRAM = os.getenv 'RUNSMITH' or 'build/release/runsmith'

local function blocks_of(path)
  local list, number, now = {}, 0, nil
  for line in (files.read(path) .. '\n'):gmatch '([^\n]*)\n' do
    number = number + 1
    if now and line:find '^```' then
      list[#list + 1] = { line = now.line, text = table.concat(now, '\n') .. '\n' }
      now = nil
    elseif now then
      now[#now + 1] = line
    elseif line:find '^```lua' then
      now = { line = number }
    end
  end
  return list
end

local function write(path, text)
  os.execute(("mkdir -p '%s'"):format(path:match '^(.*)/'))
  local file = assert(io.open(path, 'w'))
  file:write(text)
  file:close()
end

-- A tree with the one worker that a block defines.
local function tree_of(module)
  return ("local rs = require 'runsmith'\nreturn rs.supervisor 'docs' "
    .. "{ rs.worker 'w' { run = '%s' } }\n"):format(module)
end

-- Writes a document's blocks as files; returns those that `check` is to read.
local function lay_out(dir, blocks)
  local trees = {}
  for i, block in ipairs(blocks) do
    local name = block.text:match '^%-%- ([%w_/]+%.lua)\n'
    local is_tree = block.text:find 'return rs%.supervisor'
    local is_worker = block.text:find 'return worker%.define'
    local file = name or ('block%d.lua'):format(i)
    write(dir .. '/' .. file, block.text)
    if is_tree then
      trees[#trees + 1] = { file = file, line = block.line }
    elseif is_worker then
      local module = file:gsub('%.lua$', ''):gsub('/', '.')
      local tree = ('tree%d.lua'):format(i)
      write(dir .. '/' .. tree, tree_of(module))
      trees[#trees + 1] = { file = tree, line = block.line }
    end
  end
  return trees
end

local function check(path)
  local blocks = blocks_of(path)
  for _, block in ipairs(blocks) do
    local chunk, err = loadstring(block.text, ('=%s:%d'):format(path, block.line))
    assert.truthy(chunk, err)
  end
  local dir, wrong = posix.scratch(), {}
  for _, tree in ipairs(lay_out(dir, blocks)) do
    local command = ("'%s' check '%s/%s' 2>&1; echo status $?"):format(
      PROGRAM, dir, tree.file)
    local said = files.lines_of(command)
    if table.remove(said) ~= 'status 0' then
      table.insert(said, 1, ('%s:%d:'):format(path, tree.line))
      wrong[#wrong + 1] = table.concat(said, '\n')
    end
  end
  os.execute(("rm -rf '%s'"):format(dir))
  assert.equal('', table.concat(wrong, '\n'))
end

describe('the Lua in', function()
  for _, path in ipairs(files.named '%.md$') do
    it(path, function() check(path) end)
  end
end)
