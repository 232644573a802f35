//! GRUB 2: script language, menu, environment block (GNU GRUB manual 2.06, and the behaviour of its implementation).
