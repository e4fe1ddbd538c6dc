package com.example.api;

import java.io.Serializable;
import java.util.Objects;

/** A part of a {@link Profile}. */
public class Address implements Serializable {
    private static final long serialVersionUID = 1L;

    private String street;
    private int number;

    public Address() {}

    public Address(String street, int number) {
        this.street = street;
        this.number = number;
    }

    public String getStreet() { return street; }

    public void setStreet(String street) { this.street = street; }

    public int getNumber() { return number; }

    public void setNumber(int number) { this.number = number; }

    @Override
    public boolean equals(Object other) {
        return other instanceof Address a && number == a.number && Objects.equals(street, a.street);
    }

    @Override
    public int hashCode() {
        return Objects.hash(street, number);
    }

    @Override
    public String toString() {
        return street + " " + number;
    }
}
