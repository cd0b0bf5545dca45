-- services.lua -- a tree of programs that were not written for this, as Debian has
-- them: nginx, Redis, PostgreSQL and Mosquitto. All on loopback, or on a socket in a
-- folder of their own.

local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local M = {}

local folders = {}

local VERSIONS = posix.list '/usr/lib/postgresql'
local POSTGRES = ('/usr/lib/postgresql/%s/bin'):format(VERSIONS[#VERSIONS] or 'none')

M.PORTS = { redis = 26000 + posix.self() * 4 % 6000 }
M.PORTS.mosquitto = M.PORTS.redis + 1
M.PORTS.nginx = M.PORTS.redis + 2

-- PostgreSQL refuses to be the superuser, and makes its folder at its first start.
M.tree = [[
local rs = require 'runsmith'
local PG, REDIS, NGINX = os.getenv 'PG', os.getenv 'REDIS', os.getenv 'NGINX'
local PG_DIR = os.getenv 'PG_DIR'
local PG_USER = require('luv').getuid() == 0 and 'postgres' or nil

local services = {
  redis = rs.command 'redis' {
    exec = { 'redis-server', '--port', REDIS, '--bind', '127.0.0.1', '--save', '',
             '--supervised', 'systemd' },
    ready = 'notify', limits = { memory = '120M' },
  },
  mosquitto = rs.command 'mosquitto' {
    exec = { 'mosquitto', '-c', 'mosquitto.conf' }, ready = 'notify',
  },
  postgres = rs.command 'postgres' {
    pre = {
      exec = { 'sh', '-c', '[ -e data/PG_VERSION ] || '
        .. PG .. '/initdb -N -A trust -U test -D data >/dev/null' },
      timeout = 60,
    },
    exec = { PG .. '/postgres', '-D', 'data', '-k', PG_DIR, '-c', 'listen_addresses=',
             '-c', 'fsync=off', '-c', 'shared_buffers=2MB' },
    cwd = PG_DIR, user = PG_USER, env = { LC_ALL = 'C' }, ready = 'notify', launch = 60,
    stop = 'INT', reload = 'HUP', files = { PG_DIR .. '/data/postgresql.conf' },
    probes = {
      rs.probe.exec {
        exec = { PG .. '/pg_isready', '-q', '-U', 'test', '-h', PG_DIR }, every = 0.3,
        timeout = 2, failures = 2,
      },
    },
  },
  nginx = rs.command 'nginx' {
    exec = { 'nginx', '-e', 'stderr', '-p', './', '-c', 'nginx.conf' },
    stop = 'QUIT', reload = 'HUP', files = { 'nginx.conf' }, after = AFTER,
    ready = rs.probe.http { url = 'http://127.0.0.1:' .. NGINX .. '/', every = 0.05 },
  },
}

local list = { intensity = { max = 20, within = 60 } }
for name in os.getenv('WHICH'):gmatch '%S+' do
  list[#list + 1] = services[name]
end
return rs.supervisor 'plant' (list)
]]

M.mosquitto = [[
listener %d 127.0.0.1
allow_anonymous true
persistence false
user root
]]

M.nginx = [[
daemon off;
worker_processes 1;
error_log stderr notice;
pid nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server { listen 127.0.0.1:%d; location / { return %d; } }
}
]]

--- Starts a host of some of these.
--- @param which string names, parted by blanks
--- @param after? string what nginx comes after, as Lua
function M.start(which, after)
  local tree = M.tree:gsub('AFTER', after or '{}')
  local folder = posix.scratch() -- of PostgreSQL's user
  os.execute(("chmod 1777 '%s'"):format(folder))
  folders[folder] = true
  local host = harness.start {
    files = {
      ['tree.lua'] = tree,
      ['mosquitto.conf'] = M.mosquitto:format(M.PORTS.mosquitto),
      ['nginx.conf'] = M.nginx:format(M.PORTS.nginx, 200),
    },
    env = {
      WHICH = which, PG = POSTGRES, PG_DIR = folder, REDIS = tostring(M.PORTS.redis),
      NGINX = tostring(M.PORTS.nginx),
    },
  }
  host.pg = folder
  return host
end

--- Removes what the hosts' release left.
function M.sweep()
  for folder in pairs(folders) do
    os.execute(("rm -rf '%s'"):format(folder))
  end
  folders = {}
end

return M
