/* A plugin: a library that a program loads while it runs, and that tests let other processes load. The Makefile builds
 * it in several variants. */
#include <beget.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NUMBER
#define NUMBER 1
#endif

int plugin_number(void);
int plugin_add(int a, int b);
int plugin_apply(int (*f)(int, int), int a, int b);
const char *plugin_greet(const char *name);
int plugin_sum(struct beget_bytes bytes);
int plugin_write(struct beget_fd fd, const char *text);
int plugin_crash(void);
int plugin_exit(int code);
int plugin_keep(int number);
int plugin_kept(void);

int plugin_number(void)
{
	return NUMBER;
}

int plugin_add(int a, int b)
{
	return a + b;
}

int plugin_apply(int (*f)(int, int), int a, int b)
{
	return f ? f(a, b) : -1;
}

const char *plugin_greet(const char *name)
{
	static char text[100];

	snprintf(text, sizeof(text), "Hello, %s", name);
	return text;
}

int plugin_sum(struct beget_bytes bytes)
{
	int sum = 0;

	for (size_t i = 0; i < bytes.size; i++)
		sum += ((const unsigned char *)bytes.data)[i];
	return sum;
}

int plugin_write(struct beget_fd fd, const char *text)
{
	return (int)write(fd.fd, text, strlen(text));
}

int plugin_crash(void)
{
	static int *volatile nowhere;

	return *nowhere;
}

int plugin_exit(int code)
{
	exit(code);
}

static int kept;

int plugin_keep(int number)
{
	kept = number;
	return 0;
}

int plugin_kept(void)
{
	return kept;
}
