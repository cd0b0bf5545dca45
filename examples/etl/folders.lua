-- folders.lua -- files that are whole or not there, and change hands by one rename.

local uv = require 'luv'

local M = {}

--- Makes a folder and those above it.
--- @param path string
function M.make(path)
  local made, err, code = uv.fs_mkdir(path, 493) -- 0755
  if made or code == 'EEXIST' then return end
  local above = path:match '^(.+)/[^/]+$'
  if code ~= 'ENOENT' or not above then error(err) end
  M.make(above)
  M.make(path)
end

--- @param folder string
--- @param pattern? string
--- @return string[] names, sorted
function M.list(folder, pattern)
  local names, scan = {}, assert(uv.fs_scandir(folder))
  for name in uv.fs_scandir_next, scan do
    if name:find(pattern or '') then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- @return boolean
function M.exists(path) return uv.fs_stat(path) ~= nil end

--- @return string bytes
function M.read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read '*a'
  file:close()
  return text
end

--- Writes a file that appears whole, or not at all.
--- @param path string
--- @param text string
function M.write(path, text)
  local unfinished = path .. '.part'
  local file = assert(io.open(unfinished, 'wb'))
  assert(file:write(text))
  assert(file:close())
  M.move(unfinished, path)
end

function M.move(from, to) assert(uv.fs_rename(from, to)) end

function M.remove(path) assert(uv.fs_unlink(path)) end

return M
