--- Which files an evaluation reads, told as it reads them: one that ends badly has told
--- what it came to.

local M = {}

-- What was looked for and is not there is of interest where it could be made: beside
-- the script.
local function is_near(path, dir)
  return path:sub(1, 1) ~= '/' or (dir ~= '' and path:sub(1, #dir) == dir)
end

--- Puts itself before the functions that open files.
--- @param script string
--- @param tell fun(path: string)
function M.install(script, tell)
  local dir = script:match '^(.*/)' or ''
  local told = {}
  local function note(path, found)
    if type(path) ~= 'string' or told[path] then return end
    if not found and not is_near(path, dir) then return end
    told[path] = true
    tell(path)
  end

  local open, lines, load_file, do_file = io.open, io.lines, loadfile, dofile
  rawset(io, 'open', function(path, mode)
    local file, why, code = open(path, mode)
    local reads = not (type(mode) == 'string' and mode:find '[wa]')
    if reads then note(path, file ~= nil) end
    return file, why, code
  end)
  rawset(io, 'lines', function(path, ...)
    note(path, true)
    return lines(path, ...)
  end)
  function _G.loadfile(path, ...)
    note(path, true)
    return load_file(path, ...)
  end
  function _G.dofile(path)
    note(path, true)
    return do_file(path)
  end
end

return M
