/* Two libraries in a circle: hooked.so calls back into what needs it, by a pointer that the loader has to fill in at
 * once.
 */
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
