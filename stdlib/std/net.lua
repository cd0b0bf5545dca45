--- Sockets: TCP, Unix, UDP. Each wait has a deadline and obeys the stop rule; what
--- comes faster than it is read waits with the sender. What a worker opened is closed
--- when its incarnation ends.
---
--- ```lua
--- local net = require 'std.net'
--- local task = require 'std.task'
---
--- local listener = assert(net.listen { host = '127.0.0.1', port = 0 })
--- task.spawn(function()
---   local stream = assert(listener:accept(5))
---   stream:write('you said ' .. assert(stream:read_line()) .. '\n')
---   stream:close()
--- end)
--- local stream = assert(net.connect { host = '127.0.0.1', port = listener.port })
--- assert(stream:write 'hello\n')
--- assert(stream:read_line() == 'you said hello')
--- stream:close()
--- listener:close()
--- ```

local err = require 'std.err'
local host = require 'runsmith.host'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'
local strand = require 'runsmith.vm.strand'
local stream = require 'std.net.stream'
local suggest = require 'runsmith.tree.suggest'

local M = {}

local TIMEOUT = 10 -- seconds to connect
local BACKLOG = 1024
local PATH_MAX = 107 -- bytes of a Unix socket's path; luv would cut what is longer

local fact = stream.fact

local function check(name, options, fields)
  if type(options) ~= 'table' then
    error(('net.%s takes a table, not a %s'):format(name, type(options)), 3)
  end
  for key in pairs(options) do
    if not fields[key] then
      error(('net.%s knows no option %q: %s'):format(name, tostring(key),
        suggest.hint(key, fields)), 3)
    end
  end
end

local function check_place(name, options)
  local path, port = options.path, options.port
  if path == nil and port == nil then
    error(('net.%s takes a port, or a path'):format(name), 3)
  elseif path ~= nil and (type(path) ~= 'string' or path == '') then
    error(('net.%s: path is %s; it must be a string'):format(name, tostring(path)), 3)
  end
  local is_port = type(port) == 'number' and port >= 0 and port % 1 == 0
  is_port = is_port and port < 65536
  if port ~= nil and not is_port then
    error(('net.%s: port is %s; it must be an integer up to 65535'):format(name,
      tostring(port)), 3)
  end
  local timeout = options.timeout
  if timeout ~= nil and not (type(timeout) == 'number' and timeout >= 0) then
    error(('net.%s: timeout is %s, not seconds'):format(name, tostring(timeout)), 3)
  end
end

local function too_long(path)
  local text = "a socket's path has at most %d bytes: %s"
  return #path > PATH_MAX and err.new('ENAMETOOLONG', text:format(PATH_MAX, path))
end

-- Calls luv, waits for its callback: what that is given.
local function await(by, request, ...)
  local ticket = schedule.ticket()
  local args, count = { ... }, select('#', ...)
  args[count + 1] = function(why, value) schedule.wake(ticket, why or false, value) end
  local made, failed = request(unpack(args, 1, count + 1))
  if not made then schedule.wake(ticket, failed) end
  local why, value = schedule.suspend(ticket, stream.left(by))
  if why == nil then return value or 'stopping' end -- 'timeout', 'stopping'
  if why then return fact(why) end
  return nil, value
end

--- The addresses of a name; a numeric one is its own.
--- @param name string
--- @param timeout? number seconds; 10
--- @return string[]? addresses, string|std.Err? why
function M.resolve(name, timeout)
  if name:find '^[%d.]+$' or name:find ':' then return { name } end
  local by = host.now() + (timeout or TIMEOUT)
  local uv = owned.luv()
  local why, found = await(by, uv.getaddrinfo, name, nil, { socktype = 'stream' })
  if why then return nil, type(why) == 'table' and fact(why.code, name) or why end
  local list = {}
  for i, each in ipairs(found) do
    list[i] = each.addr
  end
  if not list[1] then return nil, err.new('EAI_NONAME', name .. ': no address') end
  return list
end

local function attempt(by, make, connect, ...)
  local uv = owned.luv()
  local handle, failed = make()
  if not handle then return nil, fact(failed) end
  owned.adopt(strand.current(), handle)
  local why = await(by, connect, handle, ...)
  if why then
    if not uv.is_closing(handle) then uv.close(handle) end
    return nil, why
  end
  return stream.new(handle)
end

local function connect_tcp(options, by)
  local uv = owned.luv()
  local name = options.host or '127.0.0.1'
  local list, why = M.resolve(name, stream.left(by))
  if not list then return nil, why end
  local made
  for _, address in ipairs(list) do
    made, why = attempt(by, uv.new_tcp, uv.tcp_connect, address, options.port)
    if made then
      uv.tcp_nodelay(made.handle, true)
      return made
    end
    if type(why) == 'string' then break end
  end
  return nil, why
end

local CONNECT = {
  host = true, port = true, path = true, timeout = true, tls = true,
}

--- Connects: to a host's port, or to a Unix socket's path. `tls` is true or what
--- `stream:secure` takes.
--- @param options { host?: string, port?: integer, path?: string, timeout?: number,
---   tls?: boolean|table }
--- @return std.net.Stream? stream, string|std.Err? why
function M.connect(options)
  check('connect', options, CONNECT)
  check_place('connect', options)
  local by = host.now() + (options.timeout or TIMEOUT)
  local made, why
  if options.path then
    local fault = too_long(options.path)
    if fault then return nil, fault end
    local uv = owned.luv()
    made, why = attempt(by, uv.new_pipe, uv.pipe_connect, options.path)
  else
    made, why = connect_tcp(options, by)
  end
  if not made or not options.tls then return made, why end
  local tls = options.tls == true and {} or options.tls
  return made:secure(tls, options.host, stream.left(by))
end

--- TLS over a stream that is connected: a client's, or a server's where there is a
--- `cert`. Without `insecure`, a client's peer must have a certificate for `name` that
--- the system's authorities, or those of `ca`, vouch for. On failure the stream is
--- closed.
--- @param options { ca?: string, insecure?: boolean, cert?: string, key?: string }
---   names of PEM files
--- @param name? string
--- @param timeout? number seconds for the handshake; 10
--- @return std.net.Stream? stream, string|std.Err? why
function stream.Stream:secure(options, name, timeout)
  return require('std.net.tls').begin(self, options, name, timeout or TIMEOUT)
end

--- @class std.net.Listener
--- @field port? integer
--- @field path? string
--- @field private handle? userdata
local Listener = {}
Listener.__index = Listener

local function take(self)
  local uv = owned.luv()
  local make = self.path and uv.new_pipe or uv.new_tcp
  local handle = make()
  if not handle then return nil end
  if not uv.accept(self.handle, handle) then
    uv.close(handle)
    return nil
  end
  owned.adopt(self.main, handle)
  if not self.path then uv.tcp_nodelay(handle, true) end
  return stream.new(handle)
end

-- A connection is there. Nobody who waits: luv holds it, and the kernel those after it.
local function arrived(self, why)
  if why or not self.handle then return end
  if self.on_stream then
    local made = take(self)
    return made and self.on_stream(made)
  end
  self.pending = true
  stream.wake(self)
end

-- The socket of a server that is no more is replaced; nothing else is.
local function bind_path(uv, handle, path)
  local fault = too_long(path)
  if fault then return nil, fault end
  local ok, why, code = uv.pipe_bind(handle, path)
  if ok or code ~= 'EADDRINUSE' then return ok, why end
  local made, refused = M.connect { path = path, timeout = 1 }
  if made then made:close() end
  local is_dead = type(refused) == 'table' and refused.code == 'ECONNREFUSED'
  local stat = is_dead and uv.fs_lstat(path)
  if not stat or stat.type ~= 'socket' then return nil, why end
  os.remove(path)
  return uv.pipe_bind(handle, path)
end

local function bind(uv, handle, options)
  if options.path then return bind_path(uv, handle, options.path) end
  local list, why = M.resolve(options.host or '127.0.0.1')
  if not list then return nil, why end
  return uv.tcp_bind(handle, list[1], options.port)
end

local LISTEN = { host = true, port = true, path = true, backlog = true }

--- Listens on a host's port (0: any that is free; `listener.port` says which) or on a
--- Unix socket's path.
--- @param options { host?: string, port?: integer, path?: string, backlog?: integer }
--- @return std.net.Listener? listener, string|std.Err? why
function M.listen(options)
  check('listen', options, LISTEN)
  check_place('listen', options)
  local uv = owned.luv()
  local handle = options.path and uv.new_pipe() or uv.new_tcp()
  local main = strand.current()
  owned.adopt(main, handle)
  local self = setmetatable({ handle = handle, main = main }, Listener)
  local ok, why = bind(uv, handle, options)
  if ok then
    ok, why = uv.listen(handle, options.backlog or BACKLOG, function(failed)
      return arrived(self, failed)
    end)
  end
  if not ok then
    self:close()
    return nil, type(why) == 'string' and fact(why) or why
  end
  self.path = options.path
  if not options.path then self.port = uv.tcp_getsockname(handle).port end
  return self
end

--- The next connection.
--- @param timeout? number seconds; without it: for ever
--- @return std.net.Stream? stream, string|std.Err? why
function Listener:accept(timeout)
  local by = timeout and host.now() + timeout
  while true do
    if not self.handle then return nil, 'closed' end
    if self.pending then
      self.pending = false
      local made = take(self)
      if made then return made end
    end
    local ticket = schedule.ticket()
    self.ticket = ticket
    local _, why = schedule.suspend(ticket, stream.left(by))
    self.ticket = nil
    if why then return nil, why end
  end
end

--- Has `fn(stream)` called, by nobody, for each connection: the library's own servers.
--- @param fn fun(stream: std.net.Stream)
--- @package
function Listener:each(fn) self.on_stream = fn end

function Listener:close()
  local handle = self.handle
  if not handle then return end
  self.handle = nil
  local uv = owned.luv()
  if not uv.is_closing(handle) then uv.close(handle) end
  stream.wake(self)
end

--- A datagram socket.
--- @param options? { host?: string, port?: integer, broadcast?: boolean,
---   group?: string, interface?: string } group: a multicast group to join
--- @return std.net.Udp? socket, string|std.Err? why
function M.udp(options) return require('std.net.udp').new(options or {}) end

return M
