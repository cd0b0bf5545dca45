-- Files, functions and lines stay small enough to be read.

local assert = require 'luassert'
local files = require 'tidy.files'
local ju = require 'jit.util'

local FILE_LINES, FUNCTION_LINES, COLUMNS = 400, 60, 88
local CODE = '%.[ch]$'
local LUA = '%.lua$'

local function empty(list) assert.equal('', table.concat(list, '\n')) end

-- Characters, not bytes: continuation bytes do not count.
local function columns(line) return #line:gsub('[\128-\191]', '') end

-- Calls visit(funcinfo, nested) for each function that is defined in a prototype.
local function each_function(proto, visit)
  for i = -1, -math.huge, -1 do
    local const = ju.funck(proto, i)
    if const == nil then return end
    if type(const) == 'proto' then
      local info = ju.funcinfo(const)
      visit(info, info.children)
      each_function(const, visit)
    end
  end
end

describe('sizes', function()
  it('of files', function()
    local wrong = {}
    for _, pattern in ipairs { CODE, LUA } do
      for _, path in ipairs(files.named(pattern)) do
        local _, count = files.read(path):gsub('\n', '')
        if count > FILE_LINES then
          wrong[#wrong + 1] = ('%s: %d lines'):format(path, count)
        end
      end
    end
    empty(wrong)
  end)

  it('of lines', function()
    local wrong = {}
    for _, pattern in ipairs { CODE, LUA, '%.cmake$', 'CMakeLists%.txt$' } do
      files.each_line(pattern, function(path, number, line)
        if columns(line) > COLUMNS then
          wrong[#wrong + 1] = ('%s:%d: %d columns'):format(path, number, columns(line))
        end
      end)
    end
    empty(wrong)
  end)

  it('of functions in C', function()
    local paths = table.concat(files.named '%.c$', ' ')
    if paths == '' then return end
    local wrong = {}
    local command = 'ctags --c-kinds=f --fields=+ne --sort=no -f - ' .. paths
    for _, line in ipairs(files.lines_of(command)) do
      local name, path = line:match '^(%S+)\t(%S+)\t'
      local first, last = line:match '\tline:(%d+)', line:match '\tend:(%d+)'
      local count = first and last and last - first + 1 or 0
      if count > FUNCTION_LINES then
        wrong[#wrong + 1] = ('%s: %s: %d lines'):format(path, name, count)
      end
    end
    empty(wrong)
  end)

  it('of functions in Lua; a spec\'s function of functions is a list', function()
    local wrong = {}
    for _, path in ipairs(files.named(LUA)) do
      local chunk = assert(loadfile(path))
      each_function(chunk, function(info, has_functions)
        local count = info.lastlinedefined - info.linedefined + 1
        local is_list = path:find '_spec%.lua$' and has_functions
        if count > FUNCTION_LINES and not is_list then
          wrong[#wrong + 1] = ('%s:%d: %d lines'):format(path, info.linedefined, count)
        end
      end)
    end
    empty(wrong)
  end)
end)
