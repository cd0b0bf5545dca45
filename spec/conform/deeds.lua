-- deeds.lua -- ways to be stuck.

local ffi = require 'ffi'

ffi.cdef [[
int usleep(unsigned usec);
int pipe(int fds[2]);
long read(int fd, void *bytes, size_t size);
int getpid(void);
int kill(int pid, int signal);
]]

local M = { done = 0 } -- keeps compiled loops from being optimised away


function M.compiled()
  local i = 0
  while true do
    i = i + 1
    M.done = i
  end
end

function M.interpreted()
  jit.off(true, true)
  local i = 0
  while true do
    i = i + 1
    M.done = i
  end
end

function M.protected()
  while true do
    pcall(pcall, function()
      while true do
        pcall(M.compiled)
      end
    end)
  end
end

function M.nested()
  while true do
    pcall(coroutine.wrap(function()
      while true do
        coroutine.wrap(M.compiled)()
      end
    end))
  end
end

function M.usleep()
  while true do
    ffi.C.usleep(60e6)
  end
end

function M.read()
  local fds, byte = ffi.new 'int[2]', ffi.new 'char[1]'
  assert(ffi.C.pipe(fds) == 0)
  while true do
    ffi.C.read(fds[0], byte, 1)
  end
end

--- Never returns, whatever it is sent: only the end of its process ends it.
function M.find() return (('a'):rep(64)):find(('a-'):rep(40) .. 'b') end

function M.null() ffi.cast('int *', 0)[0] = 1 end

function M.kill() ffi.C.kill(ffi.C.getpid(), 9) end

return M
