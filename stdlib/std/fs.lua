--- Files, without blocking the VM: the worker waits, the others go on. What was begun
--- is finished even if the worker ends meanwhile, and a stop does not cut it short: it
--- tells what became of the file, never 'stopping'.
---
--- ```lua
--- local fs = require 'std.fs'
---
--- local folder = assert(fs.temp())
--- assert(fs.mkdir(folder .. '/in/box'))
--- assert(fs.write(folder .. '/in/box/a', 'one\n'))
--- assert(fs.append(folder .. '/in/box/a', 'two\n'))
--- assert(fs.read(folder .. '/in/box/a') == 'one\ntwo\n')
--- assert(fs.copy(folder .. '/in/box/a', folder .. '/b'))
--- assert(table.concat(fs.list(folder), ' ') == 'b in')
--- assert(fs.stat(folder .. '/b').size == 8)
--- assert(#fs.walk(folder) == 4) -- b, in, in/box, in/box/a
---
--- local watcher = assert(fs.watch(folder))
--- assert(fs.write(folder .. '/c', 'new'))
--- assert(watcher:wait(5))
--- assert(fs.remove(folder, { recursive = true }))
---
--- local text, err = fs.read(folder .. '/b')
--- assert(not text and err.code == 'ENOENT')
--- ```

local err = require 'std.err'
local fs_tree = require 'std.fs_tree'
local fs_watch = require 'std.fs_watch'
local job = require 'runsmith.vm.job'
local owned = require 'runsmith.vm.owned'
local suggest = require 'runsmith.tree.suggest'

local M = {}

local READ_MAX = 256 * 2 ^ 20
local CHUNK = 64 * 2 ^ 10
local MODE = 420 -- rw-r--r--
local DIRECTORY_MODE = 493 -- rwxr-xr-x

local await = job.await

local function check(name, path)
  if type(path) ~= 'string' then
    error(('fs.%s takes a path, not a %s'):format(name, type(path)), 3)
  end
  if path == '' or path:find '%z' then
    error(('fs.%s: %q is no path'):format(name, path), 3)
  end
end

-- A misspelt option would do nothing in silence.
local function check_options(name, options, known)
  if options == nil then return {} end
  if type(options) ~= 'table' then
    local text = 'fs.%s takes its options as a table, not a %s'
    error(text:format(name, type(options)), 3)
  end
  for key, value in pairs(options) do
    local kind = known[key]
    if not kind then
      local text = "fs.%s has no option '%s': %s"
      error(text:format(name, tostring(key), suggest.hint(key, known)), 3)
    elseif type(value) ~= kind then
      local text = 'fs.%s: %s is a %s, not a %s'
      error(text:format(name, key, type(value), kind), 3)
    end
  end
  return options
end

-- What libuv says of a request on a descriptor has no path in it.
local function answer(path, value, why)
  if not why then return value end
  local fault = type(why) == 'string' and err.of_luv(why) or why
  if not fault.message:find ': .' then
    fault = err.new(fault.code, fault.message:gsub(': *$', '') .. ': ' .. path)
  end
  return nil, fault
end

local function read_all(this, uv, fd, max)
  local parts, size = {}, 0
  while true do
    local why, part = await(this, uv.fs_read, fd, CHUNK, -1)
    if why then return nil, why end
    if #part == 0 then return table.concat(parts) end
    size = size + #part
    if size > max then
      return nil, err.new('EFBIG', ('more than %d bytes'):format(max))
    end
    parts[#parts + 1] = part
  end
end

local function read(this, path, max)
  local uv = owned.luv()
  local why, fd = await(this, uv.fs_open, path, 'r', 0)
  if why then return nil, why end
  local text
  text, why = read_all(this, uv, fd, max)
  await(this, uv.fs_close, fd)
  return text, why
end

--- @param path string
--- @param options? { max?: integer } bytes; 256 MiB
--- @return string? text, std.Err? err
function M.read(path, options)
  check('read', path)
  local max = check_options('read', options, { max = 'number' }).max
  return answer(path, job.run(read, path, max or READ_MAX))
end

local function write_all(this, uv, fd, text)
  local at = 1
  while at <= #text do
    local why, count = await(this, uv.fs_write, fd, text:sub(at, at + 2 ^ 20 - 1), -1)
    if why then return why end
    at = at + count
  end
end

local function fill(this, uv, fd, text, options)
  local why = write_all(this, uv, fd, text)
  if not why then why = await(this, uv.fs_fchmod, fd, options.mode or MODE) end
  if not why and options.sync ~= false then why = await(this, uv.fs_fsync, fd) end
  return await(this, uv.fs_close, fd) or why
end

local function sync_directory(this, uv, path)
  local why, fd = await(this, uv.fs_open, path:match '^(.*/)[^/]*$' or '.', 'r', 0)
  if why then return why end
  why = await(this, uv.fs_fsync, fd)
  await(this, uv.fs_close, fd)
  return why
end

local function write(this, path, text, options)
  local uv = owned.luv()
  local folder, name = path:match '^(.-)([^/]*)$'
  local template = ('%s.%s.XXXXXX'):format(folder, name)
  local why, fd, temporary = await(this, uv.fs_mkstemp, template)
  if why then return nil, why end
  why = fill(this, uv, fd, text, options)
  if not why then why = await(this, uv.fs_rename, temporary, path) end
  if why then
    await(this, uv.fs_unlink, temporary)
    return nil, why
  end
  if options.sync ~= false then why = sync_directory(this, uv, path) end
  return not why or nil, why
end

--- Writes a file whole or not at all: whoever reads it sees the old or the new text,
--- after a power failure too, unless `sync = false`.
--- @param path string
--- @param text string
--- @param options? { mode?: integer, sync?: boolean }
--- @return true? ok, std.Err? err
function M.write(path, text, options)
  check('write', path)
  if type(text) ~= 'string' then
    error('fs.write takes a text, not a ' .. type(text), 2)
  end
  options = check_options('write', options, { mode = 'number', sync = 'boolean' })
  return answer(path, job.run(write, path, text, options))
end

--- The names in a folder, sorted, without '.' and '..'.
--- @param path string
--- @return string[]? names, std.Err? err
function M.list(path)
  check('list', path)
  return answer(path, job.run(fs_tree.names, path))
end

local function moment(time) return time.sec + time.nsec / 1e9 end

local function stat(this, path, name)
  local why, found = await(this, owned.luv()[name], path)
  if why then return nil, why end
  return {
    kind = found.type,
    size = found.size,
    mode = found.mode,
    modified = moment(found.mtime),
    inode = found.ino,
    device = found.dev,
    links = found.nlink,
    uid = found.uid,
    gid = found.gid,
  }
end

--- @class std.fs.Stat
--- @field kind string 'file', 'directory', 'link', 'fifo', 'socket', 'char', 'block'
--- @field size integer
--- @field mode integer
--- @field modified number as time.now
--- @field inode integer
--- @field device integer
--- @field links integer
--- @field uid integer
--- @field gid integer

--- @param path string
--- @param options? { follow?: boolean } of a symbolic link: what it points to (default)
--- @return std.fs.Stat? stat, std.Err? err
function M.stat(path, options)
  check('stat', path)
  local follow = check_options('stat', options, { follow = 'boolean' }).follow ~= false
  return answer(path, job.run(stat, path, follow and 'fs_stat' or 'fs_lstat'))
end

local function simple(this, name, ...)
  local why = await(this, owned.luv()[name], ...)
  return not why or nil, why
end

--- Replaces what `to` names; both are in one file system.
--- @param from string
--- @param to string
--- @return true? ok, std.Err? err
function M.rename(from, to)
  check('rename', from)
  check('rename', to)
  return answer(from, job.run(simple, 'fs_rename', from, to))
end

local function remove(this, path)
  local uv = owned.luv()
  local why, found = await(this, uv.fs_lstat, path)
  if why then return nil, why end
  local request = found.type == 'directory' and uv.fs_rmdir or uv.fs_unlink
  why = await(this, request, path)
  return not why or nil, why
end

--- Removes a file, or a folder that is empty; `recursive`: or one that is not.
--- @param path string
--- @param options? { recursive?: boolean }
--- @return true? ok, std.Err? err
function M.remove(path, options)
  check('remove', path)
  local all = check_options('remove', options, { recursive = 'boolean' }).recursive
  return answer(path, job.run(all and fs_tree.remove or remove, path))
end

--- @class std.fs.Entry
--- @field path string below the folder that was walked
--- @field kind string as in std.fs.Stat; a link is not followed
--- @field size integer

--- All that is below a folder, each folder before what is in it.
--- @param path string
--- @return std.fs.Entry[]? entries, std.Err? err
function M.walk(path)
  check('walk', path)
  return answer(path, job.run(fs_tree.walk, path))
end

--- Copies a file, its mode too; what `to` named is replaced when the copy is whole.
--- @param from string
--- @param to string
--- @return true? ok, std.Err? err
function M.copy(from, to)
  check('copy', from)
  check('copy', to)
  return answer(from, job.run(fs_tree.copy, from, to))
end

local function append(this, path, text, options)
  local uv = owned.luv()
  local why, fd = await(this, uv.fs_open, path, 'a', options.mode or MODE)
  if why then return nil, why end
  why = write_all(this, uv, fd, text)
  if not why and options.sync then why = await(this, uv.fs_fsync, fd) end
  why = await(this, uv.fs_close, fd) or why
  return not why or nil, why
end

--- Adds to a file's end, and makes the file if there is none.
--- @param path string
--- @param text string
--- @param options? { mode?: integer, sync?: boolean } sync: it is on the disk then
--- @return true? ok, std.Err? err
function M.append(path, text, options)
  check('append', path)
  if type(text) ~= 'string' then
    error('fs.append takes a text, not a ' .. type(text), 2)
  end
  options = check_options('append', options, { mode = 'number', sync = 'boolean' })
  return answer(path, job.run(append, path, text, options))
end

local function value_of(this, name, ...)
  local why, value = await(this, owned.luv()[name], ...)
  if why then return nil, why end
  return value
end

--- A new, empty folder where temporary files belong. It is its maker's to remove.
--- @return string? path, std.Err? err
function M.temp()
  local place = os.getenv 'TMPDIR' or '/tmp'
  return answer(place, job.run(value_of, 'fs_mkdtemp', place .. '/runsmith.XXXXXX'))
end

--- The path without links, dots and doubled slashes.
--- @param path string
--- @return string? path, std.Err? err
function M.real(path)
  check('real', path)
  return answer(path, job.run(value_of, 'fs_realpath', path))
end

--- Makes a symbolic link.
--- @param target string what it points to
--- @param path string
--- @return true? ok, std.Err? err
function M.link(target, path)
  check('link', target)
  check('link', path)
  return answer(path, job.run(simple, 'fs_symlink', target, path))
end

--- Watches a file, also one that is replaced or made later, or what is in a folder:
--- `watcher:wait(timeout)` gives the names that have changed since, `watcher:close()`
--- ends it, as the incarnation's end does.
--- @param path string
--- @return std.fs.Watcher? watcher, std.Err? err
function M.watch(path)
  check('watch', path)
  local found = M.stat(path)
  return fs_watch.new(path, found ~= nil and found.kind == 'directory')
end

local function is_directory(this, uv, path)
  local why, found = await(this, uv.fs_stat, path)
  return not why and found.type == 'directory'
end

local function mkdir(this, path, mode)
  local uv = owned.luv()
  local at = 1
  repeat
    local slash = path:find('/', at + 1, true)
    local part = slash and path:sub(1, slash - 1) or path
    local why = await(this, uv.fs_mkdir, part, mode)
    if why and not is_directory(this, uv, part) then return nil, why end
    at = slash
  until not slash
  return true
end

--- Makes a folder, and those above it that are missing. One that is there is no error.
--- @param path string
--- @param options? { mode?: integer }
--- @return true? ok, std.Err? err
function M.mkdir(path, options)
  check('mkdir', path)
  return answer(path, job.run(mkdir, path, options and options.mode or DIRECTORY_MODE))
end

return M
