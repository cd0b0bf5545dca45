--- Where a definition was made, for messages. `return worker.define {…}` is a tail
--- call, which leaves no line of its own; what it left is in the place of worker.lua.

local M = {}

local DEFINE = '%f[%w_]define%f[^%w_]'

-- The last line up to `line` that says `define`; without `line` the first one.
local function define_line(name, line)
  local file = io.open(name)
  if not file then return nil end
  local number, found = 0, nil
  for text in file:lines() do
    number = number + 1
    if line and number > line then break end
    if text:find(DEFINE) then found = number end
    if found and not line then break end
  end
  file:close()
  return found
end

-- The file of its functions that is first by name; nil: it has none.
local function first_file(lines)
  local first
  for file in pairs(lines) do
    if not first or file < first then first = file end
  end
  return first
end

--- @param place runsmith.DefinitionPlace
--- @param module? string the file of the module that gave the definition, if one did
--- @return runsmith.Place
function M.of(place, module)
  if place.line then return { file = place.file, line = place.line } end
  local lines, by = place.lines, place.caller
  local file = module and lines[module] and module
  if not file and module then
    local line = define_line(module)
    if line then return { file = module, line = line } end
  end
  -- A call that is no tail call, though all of its functions are another file's.
  if not file and by and define_line(by.file, by.line) == by.line then return by end
  file = file or first_file(lines)
  if not file then return by or { file = module, line = 1 } end
  return { file = file, line = define_line(file, lines[file]) or lines[file] }
end

return M
