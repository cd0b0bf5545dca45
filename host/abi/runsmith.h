/* runsmith.h -- all of the host that Lua may see: the plan's layout, the numbers that
** C and Lua share, and the few functions that Lua calls through the FFI.
**
** Layer    abi: the compiler reads it, and so does ffi.cdef, byte for byte: no
**          preprocessor, no inline, no bit-fields, no _Atomic. Nothing here runs Lua.
** Owner    a plan's bytes belong to whoever mapped them; they never change.
** Thread   any: a plan is sealed. The rs_task and rs_channel calls: a VM's.
** Limits   a plan is below 2 GiB; every offset in it is checked by rs_plan_check.
** Tested   spec/lua/abi_spec.lua compares each size and offset with the compiler's. */

/* clang-format off */
typedef int64_t rs_time; /* monotonic nanoseconds or a span of them; never a date */

enum {
  RS_ABI = 1,          /* raised when the layout or meaning of anything below changes */
  RS_NONE = 0xffffffff /* no unit, no lifecycle, no limit: an index that is none */
};

enum { RS_SUPERVISOR = 1, RS_WORKER = 2, RS_COMMAND = 3 };

enum {
  RS_COROUTINE = 1, RS_THREAD = 2, RS_PROCESS = 3, RS_EXTERNAL = 4, RS_CUSTOM = 5
};

enum { RS_ONE_FOR_ONE = 0, RS_ONE_FOR_ALL = 1, RS_REST_FOR_ONE = 2 };

enum { RS_TRANSIENT = 0, RS_PERMANENT = 1, RS_TEMPORARY = 2 };

enum { RS_AUTO_NEVER = 0, RS_AUTO_ANY = 1, RS_AUTO_ALL = 2 };

enum { RS_ENDS_NOT = 0, RS_ENDS_OK = 1, RS_ENDS_ERROR = 2 };

enum { /* rs_plan_spec.flags */
  RS_ISOLATE = 1,      /* a fault domain of its own; the root always has it */
  RS_ORDERED = 2,      /* children start and stop one after another */
  RS_SIGNIFICANT = 4,  /* counts for its supervisor's auto_shutdown */
  RS_BRIEF = 8,        /* journal = 'brief' */
  RS_POOL = 16,        /* has a template: the child with RS_TEMPLATE */
  RS_TEMPLATE = 32,    /* not a unit but what `add` copies; never started */
  RS_TASK = 64,        /* run is a function: no heartbeat, its one limit is stall */
  RS_NO_NEW_PRIVS = 128
};

/* The tables of a plan, by their place in rs_plan.tables. A row of RS_T_AFTER is a
** uint32_t, the row of a sibling in RS_T_UNIT; one of RS_T_BYTES is a byte. */
enum {
  RS_T_UNIT, RS_T_SPEC, RS_T_LIFE, RS_T_STATE, RS_T_EDGE, RS_T_AFTER, RS_T_EXEC,
  RS_T_MODULE, RS_T_BACKEND, RS_T_PROBE, RS_T_CHANNEL, RS_T_BYTES, RS_T_COUNT
};

/* Bytes in the plan's RS_T_BYTES table; len 0 is the empty string. */
typedef struct rs_ref {
  uint32_t at, len;
} rs_ref;

/* Where a table begins (bytes from the plan's first, a multiple of 8) and its rows. */
typedef struct rs_table {
  uint32_t at, count;
} rs_table;

/* The plan's head. Everything else is in its tables. */
typedef struct rs_plan {
  char magic[8]; /* "rsplan01" */
  uint32_t abi;  /* RS_ABI */
  uint32_t size; /* of the whole plan, in bytes */
  rs_ref root_dir; /* the folder of the tree script: `require` looks here first */
  rs_ref script;   /* the tree script's path as given */
  rs_table tables[16];
} rs_plan;

/* A unit. Rows are in pre-order: a parent before its children, siblings in list order;
** row 0 is the root. */
typedef struct rs_plan_unit {
  rs_ref name;
  rs_ref args;         /* string.buffer encoding; len 0: nil */
  uint32_t parent;     /* row; RS_NONE for the root */
  uint32_t spec;       /* row of RS_T_SPEC, shared by equal units */
  uint32_t after_at;   /* first row of RS_T_AFTER: uint32_t, each a sibling's row */
  uint32_t after_count;
  rs_ref file;         /* where the script described it */
  uint32_t line;
  uint32_t spare;
  uint64_t identity;   /* hash of all whose change asks for a new incarnation */
} rs_plan_unit;

/* What units may have in common: every rule that the core applies to one. */
typedef struct rs_plan_spec {
  uint8_t kind;          /* RS_SUPERVISOR... */
  uint8_t backend;       /* RS_COROUTINE...; 0 for a supervisor */
  uint8_t restart;       /* RS_TRANSIENT... */
  uint8_t strategy;      /* RS_ONE_FOR_ONE... */
  uint8_t auto_shutdown; /* RS_AUTO_NEVER... */
  uint8_t spare[3];
  uint32_t flags;
  uint32_t vms;          /* of an isolated supervisor: VMs for coroutines, >= 1 */
  uint32_t max;          /* a supervisor's intensity; not RS_NONE */
  uint32_t own_max;      /* this child's own intensity; RS_NONE: none */
  rs_time within;        /* RS_NEVER (the largest int64): for life */
  rs_time own_within;
  rs_time backoff_first; /* 0: no backoff */
  rs_time backoff_max;
  rs_time backoff_reset;
  double backoff_factor;
  double backoff_jitter; /* 0..1 */
  rs_time shutdown;      /* -1: 'kill', not asked; RS_NEVER: 'forever' */
  rs_time launch;
  rs_time stall;         /* RS_NEVER: none */
  rs_time heartbeat;     /* a command's WATCHDOG limit; RS_NEVER: none */
  uint32_t life;         /* row of RS_T_LIFE; RS_NONE for what is no Lua worker */
  uint32_t exec;         /* row of RS_T_EXEC; RS_NONE where nothing differs */
  uint32_t custom;       /* row of RS_T_BACKEND; RS_NONE */
  uint32_t run_module;   /* row of RS_T_MODULE that defines the worker; RS_NONE */
  rs_ref run;            /* tree.travel: { module } | { task } | { definition } */
} rs_plan_spec;

/* A lifecycle: rows of RS_T_STATE; the first is where a worker starts. */
typedef struct rs_plan_life {
  uint32_t state_at, state_count;
} rs_plan_life;

typedef struct rs_plan_state {
  rs_ref name;
  rs_time timeout;   /* RS_NEVER: none */
  rs_time heartbeat; /* RS_NEVER: none */
  rs_time every;     /* 0: none */
  uint8_t ready;     /* 1: the unit counts as ready here */
  uint8_t ends;      /* RS_ENDS_NOT... */
  uint8_t spare[6];
  uint32_t edge_at, edge_count; /* rows of RS_T_EDGE, sorted by event name */
} rs_plan_state;

typedef struct rs_plan_edge {
  rs_ref event;
  uint32_t to;    /* state, counted within its lifecycle */
  uint32_t spare;
  rs_time timeout; /* of the transition; RS_NEVER: none */
} rs_plan_edge;

enum { RS_OUT_JOURNAL = 0, RS_OUT_INHERIT = 1, RS_OUT_FILE = 2 };
enum { RS_READY_STARTED = 0, RS_READY_NOTIFY = 1, RS_READY_FD = 2, RS_READY_PROBE = 3 };

/* How a process is made: a command's, a process worker's, an isolated runner's. A list
** is NUL-terminated strings one after another. */
typedef struct rs_plan_exec {
  rs_ref argv;     /* list; empty for a runner */
  rs_ref env;      /* list of NAME=VALUE, added to the host's; NAME alone removes it */
  rs_ref cwd;
  rs_ref user;     /* a decimal number; each of the three may be empty: the host's */
  rs_ref group;    /* decimal numbers with commas between: its own, then the others */
  int32_t umask;   /* -1: the host's */
  int32_t nice;    /* RS_NO_NICE (127): the host's */
  int32_t oom_score_adj; /* 2000: runsmith's default for children */
  int32_t stop_signal;
  int32_t reload_signal; /* 0: none */
  uint32_t ready;  /* RS_READY_... */
  int32_t ready_fd;
  uint32_t ready_probe; /* row of RS_T_PROBE; RS_NONE */
  uint32_t output; /* RS_OUT_... */
  uint32_t output_keep;
  rs_ref output_path;
  uint64_t output_max;     /* bytes a file */
  uint32_t output_lines;   /* rate limit: lines ... */
  uint32_t spare;
  rs_time output_within;   /* ... within */
  uint64_t memory;         /* bytes; 0: none */
  uint64_t open_files, processes; /* 0: none */
  rs_time cpu_time;        /* 0: none */
  rs_ref pre, post;        /* argv lists; empty: none */
  rs_time pre_timeout, post_timeout;
  rs_ref files;            /* list: files whose contents reload_signal covers */
  uint64_t files_hash;     /* of their contents; in no unit's identity */
} rs_plan_exec;

/* A module that the evaluation read. Runners load it from here. */
typedef struct rs_plan_module {
  rs_ref name, file, source;
  uint64_t hash;    /* of the source */
  uint64_t version; /* of the source and of all that it required */
} rs_plan_module;

typedef struct rs_plan_backend {
  rs_ref name;
  rs_ref code; /* tree.travel encoding of { start, stop, kill, wait } */
} rs_plan_backend;

enum { RS_P_PROBE = 1, RS_P_READY = 2, RS_P_ACTIVITY = 3 };

/* Lua that watches a unit: a probe, a command's `ready`, a supervisor's on_activity. */
typedef struct rs_plan_probe {
  rs_ref code;   /* tree.travel encoding of the probe or the function */
  uint32_t unit; /* row of the unit that it watches; rows are sorted by it */
  uint32_t kind; /* RS_P_... */
  rs_ref name;   /* 'http' and the like; empty: an on_activity */
  rs_ref file;   /* where it is written */
  uint32_t line;
  uint32_t spare;
  uint64_t identity; /* hash of all that makes it another one, its modules included */
} rs_plan_probe;

enum { RS_CHANNEL_BLOCK = 0, RS_CHANNEL_DROP_OLDEST = 1, RS_CHANNEL_ERROR = 2 };

typedef struct rs_plan_channel {
  rs_ref name;
  rs_ref durable;    /* a path, relative to the script's folder; empty: it is not */
  uint32_t unit;     /* row of the supervisor below which it is seen */
  uint32_t capacity; /* items, 1..RS_CHANNEL_CAPACITY_MAX */
  uint32_t overflow; /* RS_CHANNEL_BLOCK... */
  uint32_t attempts; /* deliveries of an item; 0: no limit */
  uint32_t rejects;  /* row of the channel for those above it; RS_NONE */
  uint32_t spare;
} rs_plan_channel;

enum { RS_CHANNEL_CAPACITY_MAX = 16777216 };

/* A worker as its VM's C code holds it; Lua has only the pointer. */
typedef struct rs_task rs_task;

/* A sign of life. Returns 1 once the unit was asked to stop, else 0. */
int rs_task_beat(rs_task *task);

/* 1 once the unit was asked to stop, else 0; read afresh at each call. */
int rs_task_stopping(rs_task *task);

/* A channel as its runner has it mapped; Lua has only the pointer. */
typedef struct rs_channel rs_channel;

/* One incarnation's use of a channel. */
typedef struct rs_channel_use {
  rs_channel *channel;
  uint64_t vm;        /* whose waiters it may wake by itself; not 0 */
  uint32_t user, gen; /* what the engine knows this incarnation by */
} rs_channel_use;

/* An item that was taken. `bytes` hold until the thread's next receive. */
typedef struct rs_channel_item {
  const char *bytes;
  uint64_t seq;
  uint32_t size, slot, attempt;
  uint32_t tried;  /* deliveries in the channel that rejected it; 0: none did */
  uint32_t origin; /* that channel's number */
  uint32_t spare;
} rs_channel_item;

/* What became of a call: one of these, and flags beside it. */
enum {
  RS_CHANNEL_OK, RS_CHANNEL_EMPTY, RS_CHANNEL_FULL, RS_CHANNEL_CLOSED,
  RS_CHANNEL_BUSY,    /* the lock could not be had in time */
  RS_CHANNEL_DAMAGED, /* the memory holds nonsense, or there is none to be had */
  RS_CHANNEL_STALE,   /* it is not this incarnation's to acknowledge */
  RS_CHANNEL_LARGE,
  RS_CHANNEL_REFUSED, /* full, and that is not waited for */
  RS_CHANNEL_STORE,   /* its file: rs_channel_why says what */
  RS_CHANNEL_CODE = 0xff,
  RS_CHANNEL_ITEMS = 0x100,   /* one who waits in this VM for an item can go on */
  RS_CHANNEL_ROOM = 0x200,    /* likewise for room */
  RS_CHANNEL_DROPPED = 0x400, /* the oldest item gave way */
  RS_CHANNEL_REJECTED = 0x800 /* items whose consumers kept dying were moved away */
};

enum { /* of a call */
  RS_CHANNEL_WAIT = 1, /* someone in this VM waits if nothing is left */
  RS_CHANNEL_WOKEN = 2 /* the descriptor was readable: it is read */
};

int rs_channel_send(const rs_channel_use *use, const void *bytes, size_t size,
                    uint32_t flags);
int rs_channel_receive(const rs_channel_use *use, rs_channel_item *item,
                       uint32_t flags);
int rs_channel_ack(const rs_channel_use *use, uint32_t slot, uint64_t seq,
                   uint32_t attempt);

/* This VM waits (1), or no longer waits (-1), for items (0) or room (1) at the
** descriptor that rs_channel_bell names. Before the first call with RS_CHANNEL_WAIT. */
void rs_channel_polls(const rs_channel_use *use, int room, int more);
int rs_channel_bell(const rs_channel_use *use, int room);

/* The channel of this number, which may still be on its way to this runner; NULL. */
rs_channel *rs_channel_attached(uint32_t number);

/* Its name. */
const char *rs_channel_name(uint32_t number);

/* What was wrong with a durable one's file when this thread met RS_CHANNEL_STORE. */
const char *rs_channel_why(void);

/* What this VM is called in rs_channel_use. */
uint64_t rs_channel_vm(const rs_channel *channel);

/* 64-bit hash of `size` bytes, chained by `seed`: `identity` and `version` are such. */
uint64_t rs_hash(const void *bytes, size_t size, uint64_t seed);

/* 0, or -1 and a sentence in `why` (at most `why_size` bytes, NUL included). */
int rs_plan_check(const void *bytes, size_t size, char *why, size_t why_size);
