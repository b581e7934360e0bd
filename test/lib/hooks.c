/* Two libraries that need each other: hooked.so calls back through a pointer that the loader must bind at once. */
int hook(void);
int hooked(void);
int hooks_number(void);

#ifdef HOOKED
int (*const hook_pointer)(void) = hook;

int hooked(void)
{
	return hook_pointer() + 1;
}
#else
int hook(void)
{
	return 41;
}

int hooks_number(void)
{
	return hooked();
}
#endif
