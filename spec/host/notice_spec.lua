-- What a service manager hears, and from whom: it believes its main process alone.

local assert = require 'luassert'
local ffi = require 'ffi'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

ffi.cdef [[
typedef struct rs_spec_un { unsigned short family; char path[108]; } rs_spec_un;
typedef struct rs_spec_iov { void *base; size_t size; } rs_spec_iov;
typedef struct rs_spec_msg {
  void *name; unsigned name_size; rs_spec_iov *iov; size_t iov_count;
  void *control; size_t control_size; int flags;
} rs_spec_msg;
typedef struct rs_spec_cred {
  size_t len; int level, type, pid, uid, gid;
} rs_spec_cred;
int socket(int domain, int type, int protocol);
int bind(int fd, const void *address, unsigned size);
int setsockopt(int fd, int level, int name, const void *value, unsigned size);
long recvmsg(int fd, rs_spec_msg *msg, int flags);
]]

local C = ffi.C
local UNIX, DGRAM, SOL_SOCKET, PASSCRED = 1, 2, 1, 16

local function listen(path)
  local fd = C.socket(UNIX, DGRAM, 0)
  local address = ffi.new('rs_spec_un', UNIX, path)
  assert.equal(0, C.bind(fd, address, 2 + #path + 1))
  assert.equal(0, C.setsockopt(fd, SOL_SOCKET, PASSCRED, ffi.new('int[1]', 1), 4))
  return fd
end

-- The next message that is no WATCHDOG=1, unless that is wanted, and who sent it.
local function hear(fd, wanted)
  local text, cred = ffi.new 'char[4096]', ffi.new 'rs_spec_cred[2]'
  local iov = ffi.new('rs_spec_iov[1]', { { text, 4096 } })
  repeat
    assert.is_true(posix.wait_readable(fd, 20))
    local msg = ffi.new('rs_spec_msg', {
      iov = iov, iov_count = 1, control = cred, control_size = ffi.sizeof(cred),
    })
    local size = C.recvmsg(fd, msg, 0)
    local said = ffi.string(text, size)
    if said:find(wanted, 1, true) then return said, cred[0].pid end
  until said ~= 'WATCHDOG=1'
  error 'something else'
end

describe('the service manager', function()
  after_each(harness.sweep)

  it('hears of its main process that the host is ready, lives, stops', function()
    local path = os.tmpname()
    os.remove(path)
    local fd = listen(path)
    local host = harness.start {
      env = { NOTIFY_SOCKET = path, WATCHDOG_USEC = '100000' },
      files = {
        ['beater.lua'] = fixtures.beater,
        ['tree.lua'] = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' { rs.worker 'unit' { run = 'beater' } }
]],
      },
    }
    for _, word in ipairs { 'READY=1\nSTATUS=', 'WATCHDOG=1' } do
      local _, pid = hear(fd, word)
      assert.equal(host.pid, pid)
    end
    host:wait_for { kind = 'ready', unit = 'plant' }
    posix.kill(host.pid, 'TERM')
    local _, pid = hear(fd, 'STOPPING=1')
    assert.equal(host.pid, pid)
    host:finish { signal = false }
    posix.close(fd)
    os.remove(path)
  end)
end)
