"""Tests of uploads/dicom."""
