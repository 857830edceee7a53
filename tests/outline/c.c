/* SPDX: a driver
 * int not_me(void) { }
 */
#ifndef DRIVER_C
#define DRIVER_C
#include <linux/module.h>

#define BUFSZ 4096
#define max2(a, b) ({		\
	typeof(a) _a = (a);	\
	_a > (b) ? _a : (b); })

struct point;
typedef unsigned long ulong_t;
typedef int (*compare_fn)(const void *, const void *);

typedef struct {
	int x, y;
	void (*draw)(struct point *p);
} point_t;

struct __attribute__((packed)) header {
	char magic[4];
	union { int a; float b; } u;
};

enum color { RED, GREEN = 2, BLUE };

static DEFINE_MUTEX(lock);
int forward(int a, char *b);

static const struct file_operations fops = {
	.open = dev_open,
	.release = NULL,
};

static inline int __init dev_open(struct inode *inode,
				  struct file *file)
{
	const char *s = "} int fake(void) {";
	char c = '{';
	struct local { int z; } l;
	if (c == '}') {
		return max2(1, 2);
	}
	return s[0];
}

unsigned long *
split_type(int n)
{
	return 0;
}

#ifdef CONFIG_A
int either(int a) {
#else
int either(void) {
#endif
	return 1;
}

int knr(a, b)
	int a;
	char *b;
{
	return a;
}

SYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf, size_t, count)
{
	return 0;
}
EXPORT_SYMBOL(forward);
module_init(dev_open);
#endif
