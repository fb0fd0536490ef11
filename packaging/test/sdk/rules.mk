# What packaging/openwrt/Makefile needs of OpenWrt's rules.mk, for a test without the SDK. The real one is OpenWrt's.
INCLUDE_DIR := $(TOPDIR)/include
all:
