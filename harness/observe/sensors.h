/* The sensors of observe(). Private to observe/. Each appends facts; 0, -ENOMEM, or -EBADMSG with a
 * text that becomes the outcome's `broken`. */
#ifndef HX_OBSERVE_SENSORS_H
#define HX_OBSERVE_SENSORS_H

#include "harness/model/subject.h"
#include "harness/observe/observe.h"

#define SENSOR_GUEST "guest"
#define SENSOR_LOG "log"
#define SENSOR_RUNTIME "runtime"
#define SENSOR_AUDIT "audit"
#define SENSOR_WIRE "wire"
#define SENSOR_FUSE "fuse"
#define SENSOR_FILTER "filter"
#define SENSOR_INSPECTION "inspection"
#define SENSOR_TRACER "tracer"
#define SENSOR_WORLD "world"
#define SENSOR_TOOL "tool"

struct sensing {
	const struct evidence *e;
	const struct spec_sandbox *pod; /* the whole */
	const struct spec_sandbox *s;   /* the container of it that is sensed now, … */
	size_t container;               /* … and which one that is */
	const char *scratch;            /* absolute path of the scratch folder at execution */
	const char *ended;              /* manifest.json "ended" */
	struct json_object *steps;
	struct wire_logs *wires; /* sense_wire reads them */
	enum profile profile;
	struct outcome *out;
	bool complete[SPEC_CONTAINERS_LIMIT +
		      1]; /* the guest's report is whole; set by sense_guest */
	bool answered[SPEC_CONTAINERS_LIMIT + 1]; /* … a second process's */
	bool planted_tamper;                      /* a plant was to do something to a Mount reply */
	/* sense_log: the overlaid mount that a log file is in the middle of */
	struct {
		bool directfs;        /* the file says that the flag is on */
		bool open;            /* a mount was announced and not concluded */
		int subject;          /* which one */
		unsigned int unasked; /* donated FDs since then that nobody asked for */
	} overlay;
};

/* Each of these is called for every container of the pod, one after the other. */
int sense_guest(struct sensing *x, struct hx_error *err);
int sense_steps(struct sensing *x, struct hx_error *err);
int sense_log(struct sensing *x, struct hx_error *err);
int sense_filters(struct sensing *x, struct hx_error *err);
/* Of sandboxes with a fault plan alone. */
int sense_faults(struct sensing *x, struct hx_error *err);
/* After sense_guest. */
int sense_wire(struct sensing *x, struct hx_error *err);
int sense_pod(struct sensing *x, struct hx_error *err);
int sense_commands(struct sensing *x, struct hx_error *err);
/* Once, for the sandbox. */
int sense_residue(struct sensing *x, struct hx_error *err);
struct wire_log;
/* Deaths by seccomp: what the shim of this gofer, and the sentries' tracer, told. */
int sense_gofer_death(struct sensing *x, const struct wire_log *l, struct hx_error *err);
int sense_sentry_deaths(struct sensing *x, struct json_object *interposed, struct hx_error *err);
/* What the inspections tell of this gofer's connections. */
int sense_inspections(struct sensing *x, const struct wire_log *l, struct hx_error *err);

/* Step i of steps.json is about the container that is sensed now. */
bool sensed_step(const struct sensing *x, size_t i);
/* What was observed of it so far, or NULL. */
const struct fact *sensed_fact(const struct sensing *x, enum property p, int subject,
			       const char *key);
/* Appends (property, subject of the container that is sensed now, key) = value by sensor; the same fact again adds nothing. */
int sensed(struct sensing *x, enum property p, int subject, const char *key, const char *value,
	   const char *sensor);
/* The mount mounted at this container path: its index, SUBJECT_ROOTFS for "/", else -1. */
int sensed_subject(const struct sensing *x, const char *path);
/* Sorts gofer or overlay options into the facts about subject. options is "a,b=c,…". */
int sense_options(struct sensing *x, int subject, const char *options, const char *sensor);

#endif
