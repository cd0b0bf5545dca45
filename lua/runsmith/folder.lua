--- The names in a folder, read at once. luv's own fs_scandir never frees what it made.

local M = {}

local ENTRIES = 256 -- read at once

--- @param uv table luv
--- @param path string
--- @return string[]? names, string? why
function M.names(uv, path)
  local folder, why = uv.fs_opendir(path, nil, ENTRIES)
  if not folder then return nil, why end
  local names, entries = {}, uv.fs_readdir(folder)
  while entries do
    for _, entry in ipairs(entries) do
      names[#names + 1] = entry.name
    end
    entries = uv.fs_readdir(folder)
  end
  uv.fs_closedir(folder)
  return names
end

return M
