--- What std.fs does with whole trees of files, one request after another, in a job.

local err = require 'std.err'
local job = require 'runsmith.vm.job'
local owned = require 'runsmith.vm.owned'

local M = {}

local DEPTH_MAX = 256
local ENTRIES = 256 -- read at once

local await = job.await

-- luv's fs_scandir never frees what it made.
local function open(path, callback)
  return owned.luv().fs_opendir(path, callback, ENTRIES)
end

--- The names in a folder, sorted.
--- @param path string
--- @return string[]? names, any why
function M.names(this, path)
  local uv, names = owned.luv(), {}
  local why, folder = await(this, open, path)
  if why then return nil, why end
  local entries
  repeat
    why, entries = await(this, uv.fs_readdir, folder)
    for _, entry in ipairs(entries or {}) do
      names[#names + 1] = entry.name
    end
  until why or not entries
  await(this, uv.fs_closedir, folder)
  if why then return nil, why end
  table.sort(names)
  return names
end

-- What a folder has in it, as paths below `root`, folders before what is in them.
local function collect(this, uv, root, below, into, depth)
  if depth > DEPTH_MAX then return err.new('ELOOP', root .. ': too deep') end
  local names, why = M.names(this, below == '' and root or root .. '/' .. below)
  if not names then return why end
  for _, name in ipairs(names) do
    local path = below == '' and name or below .. '/' .. name
    local failed, found = await(this, uv.fs_lstat, root .. '/' .. path)
    if not failed then -- else it is gone by now
      into[#into + 1] = { path = path, kind = found.type, size = found.size }
      if found.type == 'directory' then
        failed = collect(this, uv, root, path, into, depth + 1)
        if failed and not tostring(failed):find '^ENOENT' then return failed end
      end
    end
  end
end

--- @param path string
--- @return table[]? entries, any why
function M.walk(this, path)
  local into = {}
  local why = collect(this, owned.luv(), path, '', into, 1)
  if why then return nil, why end
  return into
end

--- @param path string
--- @return true? ok, any why
function M.remove(this, path)
  local uv = owned.luv()
  local why, found = await(this, uv.fs_lstat, path)
  if why then return nil, why end
  local entries = {}
  if found.type == 'directory' then
    entries, why = M.walk(this, path)
    if not entries then return nil, why end
  end
  for i = #entries, 1, -1 do
    local is_folder = entries[i].kind == 'directory'
    local request = is_folder and uv.fs_rmdir or uv.fs_unlink
    why = await(this, request, path .. '/' .. entries[i].path)
    if why and not why:find '^ENOENT' then return nil, why end
  end
  why = await(this, found.type == 'directory' and uv.fs_rmdir or uv.fs_unlink, path)
  return not why or nil, why
end

--- Copies a file beside its place and puts it there when it is whole.
--- @param from string
--- @param to string
--- @return true? ok, any why
function M.copy(this, from, to)
  local uv = owned.luv()
  local folder, name = to:match '^(.-)([^/]*)$'
  local template = ('%s.%s.XXXXXX'):format(folder, name)
  local why, fd, temporary = await(this, uv.fs_mkstemp, template)
  if why then return nil, why end
  await(this, uv.fs_close, fd)
  why = await(this, uv.fs_copyfile, from, temporary, {})
  if not why then why = await(this, uv.fs_rename, temporary, to) end
  if not why then return true end
  await(this, uv.fs_unlink, temporary)
  return nil, why
end

return M
